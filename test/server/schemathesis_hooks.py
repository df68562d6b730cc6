# What is asked of the server is no stream: those are read by the tests of clients.
import schemathesis


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and body.get("stream") is True:
        return {**body, "stream": False}
    return body
