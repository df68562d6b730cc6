"""OpenAI's Python library against a server of the bundled model, which is given as its only argument."""
import asyncio
import json
import sys

import openai

BASE_URL = sys.argv[1]
GREEDY = {"model": "tiny", "temperature": 0, "max_tokens": 40}
MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ASKED = [{"role": "user", "content": "What is the weather in Paris?"}]

client = openai.OpenAI(base_url=BASE_URL, api_key="none", max_retries=0)


def models():
    assert [model.id for model in client.models.list()] == ["tiny"]
    assert client.models.retrieve("tiny").id == "tiny"


def completions():
    whole = client.completions.create(prompt="Once upon a time", **GREEDY)
    stream = client.completions.create(prompt="Once upon a time", stream=True, **GREEDY)
    assert "".join(chunk.choices[0].text for chunk in stream) == whole.choices[0].text != ""
    assert whole.usage.completion_tokens == 40
    several = client.completions.create(prompt=["Once", "Twice"], n=2, seed=1, **GREEDY)
    assert [choice.index for choice in several.choices] == [0, 1, 2, 3]


def chat():
    whole = client.chat.completions.create(messages=MESSAGES, logprobs=True, top_logprobs=2, **GREEDY)
    choice = whole.choices[0]
    content = choice.logprobs.content
    assert bytes(byte for token in content[:-1] for byte in token.bytes).decode() == choice.message.content
    assert choice.finish_reason == "stop"
    chunks = list(
        client.chat.completions.create(
            messages=MESSAGES, stream=True, stream_options={"include_usage": True}, **GREEDY
        )
    )
    text = "".join(one.delta.content or "" for chunk in chunks for one in chunk.choices)
    assert text == choice.message.content
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens


def tools():
    message = client.chat.completions.create(messages=ASKED, tools=[WEATHER], **GREEDY).choices[0].message
    (call,) = message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Paris"}
    answer = {"role": "tool", "tool_call_id": call.id, "content": '{"temperature": 21, "sky": "sunny"}'}
    reply = client.chat.completions.create(messages=[*ASKED, message, answer], tools=[WEATHER], **GREEDY)
    assert reply.choices[0].message.content
    with client.chat.completions.stream(messages=ASKED, tools=[WEATHER], **GREEDY) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
    assert [(event.name, event.arguments) for event in done] == [("get_weather", '{"city": "Paris"}')]


def errors():
    for expected, code, param, request in [
        (openai.NotFoundError, "model_not_found", "model", {"model": "nobody"}),
        (openai.BadRequestError, "unsupported", "tool_choice", {"tools": [WEATHER], "tool_choice": "required"}),
        (openai.BadRequestError, None, "temperature", {"temperature": 3}),
    ]:
        try:
            client.chat.completions.create(**{**GREEDY, "messages": MESSAGES, **request})
        except expected as error:
            assert (error.code, error.param) == (code, param), error
            assert error.request_id
        else:
            raise AssertionError(f"{request}: no error")


async def at_once():
    async with openai.AsyncOpenAI(base_url=BASE_URL, api_key="none", max_retries=0) as several:
        answers = await asyncio.gather(
            *(several.chat.completions.create(messages=MESSAGES, **GREEDY) for _ in range(8))
        )
        assert len({answer.choices[0].message.content for answer in answers}) == 1
        stream = await several.chat.completions.create(messages=MESSAGES, stream=True, **GREEDY)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert text == answers[0].choices[0].message.content


for check in [models, completions, chat, tools, errors]:
    check()
asyncio.run(at_once())
print("passed")
