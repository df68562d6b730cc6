# Renders templates with Jinja2 itself, in the environment that transformers sets up: JSON lines in, JSON lines out.
# Nothing bounds what a template may ask of Jinja2, so this process does: what takes more memory, time or text is left out, as a 'limit'.
import datetime
import json
import resource
import signal
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_render"), [], [], body).set_lineno(line)

    def _render(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def strftime_now(format):
    return datetime.datetime(2025, 3, 4, 5, 6, 7).strftime(format)


environment = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
)
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = strftime_now


MOST_BYTES = 2 << 30
MOST_SECONDS = 2  # of processor time
MOST_CHARACTERS = 1_000_000


class TooSlow(BaseException):
    """Not an Exception, which a filter may catch."""


def too_slow(_signal, _frame):
    raise TooSlow


def render(source, variables):
    try:
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        try:
            text = environment.from_string(source).render(**variables)
            text.encode()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return {"text": text} if len(text) <= MOST_CHARACTERS else {"limit": "text"}
    except TooSlow:
        return {"limit": "time"}
    except MemoryError:
        return {"limit": "memory"}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


signal.signal(signal.SIGPROF, too_slow)
if sys.platform == "linux":  # elsewhere the kernel takes no such limit
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


variables = "{}"
for line in sys.stdin:
    request = json.loads(line)
    if "variables" in request:
        variables = json.dumps(request["variables"])
        reply = {"filters": sorted(environment.filters), "tests": sorted(environment.tests)}
    else:
        # A copy for each: Jinja's own indent adds to the list that it is given.
        reply = render(request["template"], json.loads(variables))
    print(json.dumps(reply), flush=False)
sys.stdout.flush()
