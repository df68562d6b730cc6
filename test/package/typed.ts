// A program of somebody who compiles strictly, and looks into the declarations of libraries. The package's test compiles it as an ES module
// and as CommonJS, with every TypeScript that the guides name, and runs what comes out.
import {
  type AttentionSinks,
  type ChatMessage,
  type ChatTemplate,
  type DoctorOptions,
  type EmbedOptions,
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
  type Perplexity,
  type PerplexityOptions,
  type PullOptions,
  QuernError,
  type QuernErrorCode,
  type RankedDocument,
  type RankOptions,
  type SamplingOptions,
  type Score,
  type ScoreOptions,
  type SessionOptions,
  type TaskProgress,
  type TextInput,
  type TextInputs,
  type TokenDecoder,
  type Tokenizer,
  type TokenLogprob,
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

/** Calls that give numbers, each with all its options. */
async function measure(signal: AbortSignal | undefined): Promise<void> {
  await using model: Model = await load(undefined, { maxQueue: 8 })
  const sinks: AttentionSinks | undefined = model.info.attentionSinks
  if (sinks !== undefined) throw new Error('not as declared')
  const told: TaskProgress[] = []
  const task = { signal, priority: -1, onProgress: (progress: TaskProgress) => void told.push(progress) }
  const embedding: EmbedOptions = { ...task, dimensions: 4, instruction: 'Find a story' }
  const one: Float32Array = await model.embed('Once', embedding)
  const several: Float32Array[] = await model.embed(['Once', 'upon'] as const, embedding)
  /** Whoever does not know which it is may hand it on. */
  const either = (inputs: TextInputs): Promise<Float32Array | Float32Array[]> => model.embed(inputs)
  const list: readonly TextInput[] = [{ tokens: [1, 2] }, 'Once']
  if (one.length + several.length + (await either(list)).length !== 8) throw new Error('not as declared')

  const scoring: ScoreOptions = { ...task, topLogprobs: 1 }
  const score: Score = await model.score('Once upon a', ' time', scoring)
  const scores: Score[] = await model.score({ tokens: [1] }, [{ tokens: [2] }], scoring)
  const eitherScore = (ends: string | string[]): Promise<Score | Score[]> => model.score('Once', ends)
  await eitherScore([' upon'])
  const first: TokenLogprob | undefined = score.tokens[0] ?? scores[0]?.tokens[0]
  const reading: PerplexityOptions = { ...task, window: 4, stride: 2 }
  const { perplexity, nll }: Perplexity = await model.perplexity('Once upon a time', reading)
  if (first?.top.length !== 1 || Math.exp(nll) !== perplexity) throw new Error('not as declared')
  const ranking: RankOptions = { ...task, instruction: undefined, topN: 1 }
  const refused: RankedDocument[] | QuernErrorCode | undefined = await model
    .rank('Once', ['upon'], ranking)
    .catch(codeOf)
  if (refused !== 'unsupported_model' || told.length < 4) throw new Error('not as declared')
  const { promptLogprobs = [] } = await model
    .generate('Once upon', { promptLogprobs: 1, priority: 1, maxTokens: 1 })
    .result()
  const places: (TokenLogprob | null)[] = promptLogprobs
  if (places[0] !== null) throw new Error('not as declared')
}

function codeOf(error: unknown): QuernErrorCode | undefined {
  return error instanceof QuernError ? error.code : undefined
}

export type Others = [ChatTemplate, DoctorOptions, PullOptions]

run({ temperature: 0 })
  .then((text) => process.stdout.write(text))
  .then(() => measure(undefined))
  .then(() => load('/no/such/folder'))
  .catch((error) => {
    if (codeOf(error) !== 'missing_file') throw error
  })
