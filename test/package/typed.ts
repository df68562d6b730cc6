// A program of somebody who compiles strictly, and looks into the declarations of libraries. The package's test compiles it as an ES module
// and as CommonJS, with every TypeScript that the guides name, and runs what comes out.
import {
  type ChatMessage,
  type ChatTemplate,
  type DoctorOptions,
  type FinishReason,
  type Generation,
  type GenerationEvent,
  type GenerationResult,
  type InspectOptions,
  inspect,
  type LoadOptions,
  type Logits,
  load,
  type Model,
  type ModelInspection,
  type PullOptions,
  QuernError,
  type QuernErrorCode,
  type SamplingOptions,
  type SessionOptions,
  type TokenDecoder,
  type Tokenizer,
  type ToolDefinition,
} from 'quern'

interface Settings {
  temperature?: number
  seed?: number
  threads?: number
  system?: string
}

const weather: ToolDefinition = { name: 'weather', description: undefined, parameters: { type: 'object' } }

/** Settings that may be absent, handed on as they are. */
async function run(settings: Settings): Promise<string> {
  const loading: LoadOptions = { threads: settings.threads, signal: undefined, onProgress: undefined }
  await using model: Model = await load(undefined, loading)
  const options: SamplingOptions = { temperature: settings.temperature, topK: undefined }
  const generation: Generation = model.generate('Once upon a time', {
    ...options,
    seed: settings.seed,
    maxTokens: 16,
    tools: undefined,
  })
  let text = ''
  for await (const piece of generation) text += piece
  const { finishReason, usage }: GenerationResult = await generation.result()
  const reasons: readonly FinishReason[] = ['stop', 'length']
  if (!reasons.includes(finishReason) || usage.completionTokens < 1) throw new Error('not as declared')

  const messages: ChatMessage[] = [{ role: 'user', content: 'Hello', name: undefined }]
  const events: GenerationEvent[] = []
  for await (const event of model.chat(messages, { maxTokens: 2, tools: [weather] }).events())
    events.push(event)
  const session: SessionOptions = { system: settings.system, maxTokens: 2 }
  await model.session(session).chat('Hello').text()

  const { data, shape }: Logits = await model.logits([1, 2], { positions: undefined })
  if (data.length !== shape[0] * shape[1]) throw new Error('not as declared')
  const tokenizer: Tokenizer = model.tokenizer
  const decoder: TokenDecoder = tokenizer.decoder()
  const ids: Int32Array = tokenizer.encode('Once')
  let decoded = ''
  for (const id of ids) decoded += decoder.push(id)
  if (decoded + decoder.end() !== 'Once') throw new Error('not as declared')
  const inspection: InspectOptions = { revision: undefined }
  const { vocab }: ModelInspection = await inspect(undefined, inspection)
  if (vocab !== shape[1]) throw new Error('not as declared')
  return text
}

function codeOf(error: unknown): QuernErrorCode | undefined {
  return error instanceof QuernError ? error.code : undefined
}

export type Others = [ChatTemplate, DoctorOptions, PullOptions]

run({ temperature: 0 })
  .then((text) => process.stdout.write(text))
  .then(() => load('/no/such/folder'))
  .catch((error) => {
    if (codeOf(error) !== 'missing_file') throw error
  })
