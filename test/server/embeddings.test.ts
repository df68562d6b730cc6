import { expect, test } from 'vitest'
import { json, post } from './requests.js'
import { tinyApp } from './tiny-app.js'

const { model, app } = await tinyApp()

const embed = (body: object) => post(app, '/v1/embeddings', body)

test("a text: the model's own vector, and the tokens that it has", async () => {
  const answer = await json(embed({ model: 'tiny', input: 'The sky is blue.' }))
  const vector = await model.embed('The sky is blue.')
  const tokens = model.tokenizer.count('The sky is blue.')
  expect(answer).toEqual({
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding: [...vector] }],
    model: 'tiny',
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  })
})

test('texts, tokens and lists of tokens', async () => {
  const texts = ['The sky is blue.', 'Otto lived in a city.']
  const tokens = texts.map((text) => [...model.tokenizer.encode(text)])
  const [ofTexts, ofTokens, ofFirst] = await Promise.all(
    [texts, tokens, tokens[0]].map((input) => json(embed({ input }))),
  )
  expect(ofTexts.data.map(({ index }: { index: number }) => index)).toEqual([0, 1])
  expect(ofTokens).toEqual(ofTexts)
  expect(ofFirst.data[0].embedding).toEqual(ofTexts.data[0].embedding)
})

test('base64 holds the same floats, little-endian', async () => {
  const input = 'The sky is blue.'
  const [plain, coded] = await Promise.all([
    json(embed({ input })),
    json(embed({ input, encoding_format: 'base64' })),
  ])
  const bytes = Buffer.from(coded.data[0].embedding, 'base64')
  const floats = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i))
  expect(floats).toEqual(plain.data[0].embedding)
})

test('fewer dimensions are the first ones, of length 1 again', async () => {
  const { data } = await json(embed({ input: 'The sky is blue.', dimensions: 32 }))
  expect(data[0].embedding).toEqual([...(await model.embed('The sky is blue.', { dimensions: 32 }))])
})

test.each([
  [{}, 'input'],
  [{ input: [] }, 'input'],
  [{ input: '' }, 'input'],
  [{ input: ['fine', ''] }, 'input[1]'],
  [{ input: [1, 'two'] }, 'input[1]'],
  [{ input: [[1], []] }, 'input[1]'],
  [{ input: 'x', dimensions: 100_000 }, 'dimensions'],
  [{ input: 'x', encoding_format: 'int8' }, 'encoding_format'],
  [{ input: 'x', dimension: 5 }, 'dimension'],
])('%j: %s is wrong', async (body, param) => {
  const response = await embed(body)
  expect(response.status).toBe(400)
  expect((await json(response)).error.param).toBe(param)
})

test('more inputs than OpenAI takes are refused', async () => {
  const response = await embed({ input: Array(2049).fill('x') })
  expect(response.status).toBe(400)
  expect((await json(response)).error).toMatchObject({
    param: 'input',
    message: expect.stringContaining('2048'),
  })
})

test('one that is too long is named, and so is an id that is no token', async () => {
  const long = await embed({ input: ['short', 'long '.repeat(5000)] })
  expect((await json(long)).error).toMatchObject({ code: 'context_length_exceeded' })
  const stranger = await embed({ input: [1, 999_999] })
  expect(stranger.status).toBe(400)
  expect((await json(stranger)).error).toMatchObject({ code: 'invalid_token' })
})
