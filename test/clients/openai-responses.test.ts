// The package `openai`: responses and embeddings.
import OpenAI, { BadRequestError, NotFoundError } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Served, serveTiny } from './served.js'
import { weatherAnswer, weatherQuestion, weatherTool } from './weather.js'

let served: Served
let client: OpenAI

beforeAll(async () => {
  served = await serveTiny({ log: 'off' })
  client = new OpenAI({ baseURL: served.baseURL, apiKey: 'none', maxRetries: 0 })
})
afterAll(() => served.close())

const greedy = {
  model: 'tiny',
  input: weatherQuestion,
  temperature: 0,
  max_output_tokens: 80,
}
const tools: OpenAI.Responses.FunctionTool[] = [{ type: 'function', ...weatherTool.function, strict: false }]

describe('a response', () => {
  test('has a text, and goes on from the one before', async () => {
    const first = await client.responses.create(greedy)
    expect(first.status).toBe('completed')
    expect(first.output_text).not.toBe('')
    const next = await client.responses.create({
      ...greedy,
      input: 'And now?',
      previous_response_id: first.id,
    })
    expect(next.usage?.input_tokens).toBeGreaterThan(first.usage?.input_tokens ?? 0)
  })

  test('comes in pieces, put together by the package', async () => {
    const whole = await client.responses.create(greedy)
    const stream = client.responses.stream(greedy)
    let text = ''
    stream.on('response.output_text.delta', ({ delta }) => {
      text += delta
    })
    const final = await stream.finalResponse()
    expect(text).toBe(whole.output_text)
    expect(final.output_text).toBe(whole.output_text)
    expect(final.usage?.output_tokens).toBe(whole.usage?.output_tokens)
  })

  test('calls a function, and answers what comes of it', async () => {
    for (const call of [
      await client.responses.create({ ...greedy, tools }),
      await client.responses.stream({ ...greedy, tools }).finalResponse(),
    ]) {
      const items: OpenAI.Responses.ResponseOutputItem[] = call.output
      const item = items.find((one) => one.type === 'function_call')
      expect(item).toMatchObject({ name: 'get_weather', arguments: '{"city": "Paris"}' })
      const answer = await client.responses.create({
        ...greedy,
        tools,
        previous_response_id: call.id,
        input: [
          {
            type: 'function_call_output',
            call_id: item?.call_id ?? '',
            output: weatherAnswer,
          },
        ],
      })
      expect(answer.output_text).toContain('Paris')
    }
  })

  test('is read again, and deleted', async () => {
    const { id, output_text } = await client.responses.create(greedy)
    expect((await client.responses.retrieve(id)).output_text).toBe(output_text)
    await client.responses.delete(id)
    await expect(client.responses.retrieve(id)).rejects.toBeInstanceOf(NotFoundError)
    await expect(client.responses.create({ ...greedy, previous_response_id: id })).rejects.toMatchObject({
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    })
  })

  test('of a kind that cannot be is refused', async () => {
    const format = { type: 'json_object' as const }
    const refused = client.responses.create({ ...greedy, text: { format } })
    await expect(refused).rejects.toBeInstanceOf(BadRequestError)
    await expect(refused).rejects.toMatchObject({ code: 'unsupported', param: 'text.format.type' })
  })
})

test("embeddings are the model's own, in the form that the package asks for", async () => {
  const input = ['The sky is blue.', 'Otto lived in a city.']
  const { data, usage } = await client.embeddings.create({ model: 'tiny', input })
  const expected = await served.model.embed(input)
  expect(data.map(({ embedding }) => embedding)).toEqual(expected.map((vector) => [...vector]))
  expect(usage.prompt_tokens).toBe(input.reduce((sum, text) => sum + served.model.tokenizer.count(text), 0))
  const floats = await client.embeddings.create({ model: 'tiny', input, encoding_format: 'float' })
  expect(floats.data).toEqual(data)
})
