// What Jest's default mode must be able to do with the package: it can neither require an ES module nor import() one.
const { load, QuernError, samplingDistribution } = require('quern')

test('text, logits, chat and errors', async () => {
  const model = await load()
  let text = ''
  for await (const piece of model.generate('Once upon a time', { maxTokens: 16, temperature: 0 }))
    text += piece
  expect(text.split(' ').length).toBeGreaterThan(5)
  expect((await model.logits([1, 2])).shape).toEqual([2, 5120])
  expect(await model.chat('Hello', { maxTokens: 4, signal: new AbortController().signal }).text()).not.toBe(
    '',
  )
  expect(samplingDistribution(Float32Array.of(1, 1), { temperature: 1 })[0]).toBeCloseTo(0.5)
  await expect(model.generate('Once', { temperature: -1 }).text()).rejects.toThrow(QuernError)
  await model.close()
})
