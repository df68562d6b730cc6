# Renders templates with Jinja2 itself, in the environment that transformers sets up: JSON lines in, JSON lines out.
import datetime
import json
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


def render(source, variables):
    try:
        text = environment.from_string(source).render(**variables)
        text.encode()
        if len(text) > 1_000_000:
            return {"error": "a long text, which the budget may refuse"}
        return {"text": text}
    except (Exception, RecursionError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


variables = {}
for line in sys.stdin:
    request = json.loads(line)
    if "variables" in request:
        variables = request["variables"]
        reply = {"filters": sorted(environment.filters), "tests": sorted(environment.tests)}
    else:
        reply = render(request["template"], variables)
    print(json.dumps(reply), flush=False)
sys.stdout.flush()
