// The newest AI SDK on the bundled model in its own process, by both versions of the specification.
import assert from 'node:assert/strict'
import { embed, generateText, jsonSchema, rerank, stepCountIs, streamText, tool } from 'ai'
import { load } from '../../../dist/index.mjs'
import { createQuern } from '../../../dist/integrations/ai-sdk/index.mjs'

const prompt = 'What is the capital of France?'
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const model = await load(undefined, { threads: 1 })
const expected = await model.chat(prompt, { temperature: 0, maxTokens: 40 }).text()

for (const specificationVersion of ['v3', 'v4']) {
  const provider = createQuern({ specificationVersion, models: { tiny: model } })
  const settings = { model: provider('tiny'), temperature: 0, maxOutputTokens: 40, maxRetries: 0 }
  const { text, usage } = await generateText({ ...settings, prompt })
  let streamed = ''
  for await (const piece of streamText({ ...settings, prompt }).textStream) streamed += piece
  assert.deepEqual([text, streamed], [expected, expected])
  assert.ok(usage.outputTokens > 0)

  const given = []
  const get_weather = tool({
    description: 'Get the current weather in a city',
    inputSchema: jsonSchema(parameters),
    execute: async (input) => {
      given.push(input)
      return { sky: 'sunny' }
    },
  })
  const loop = { prompt: 'What is the weather in Paris?', tools: { get_weather }, stopWhen: stepCountIs(3) }
  assert.notEqual((await generateText({ ...settings, ...loop })).text, '')
  assert.deepEqual(given, [{ city: 'Paris' }])

  const { embedding } = await embed({ model: provider.embeddingModel('tiny'), value: 'The sky is blue.' })
  assert.deepEqual(embedding, Array.from(await model.embed('The sky is blue.')))
  const judge = provider.rerankingModel('tiny') // which the bundled model is none of, and says so
  const ranking = rerank({ model: judge, query: 'sky', documents: ['blue'], maxRetries: 0 })
  await assert.rejects(ranking, { code: 'unsupported_model' })
}
await model.close()
console.log(`Node.js ${process.versions.node}: ${expected}`)
