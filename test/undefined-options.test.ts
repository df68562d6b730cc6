// An option that is undefined is one that is not given, in the types (this file compiles under exactOptionalPropertyTypes) and at run time.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bundledModelPath } from '../lib/checkpoint/bundled.js'
import {
  type ChatMessage,
  ChatTemplate,
  type ChatTemplateTokens,
  type DecodeOptions,
  type DoctorOptions,
  type DryOptions,
  doctor,
  type EmbedOptions,
  type EncodeOptions,
  type FunctionTool,
  type GenerateManyOptions,
  type GenerateOptions,
  type InspectOptions,
  inspect,
  type LoadOptions,
  type LogitsOptions,
  load,
  type MessageToolCall,
  type MirostatOptions,
  type Model,
  type PerplexityOptions,
  type PullOptions,
  type RankOptions,
  type RenderOptions,
  type SamplingContext,
  type ScoreOptions,
  type SessionOptions,
  samplingDistribution,
  type TaskOptions,
  Tokenizer,
  type ToolDefinition,
  type XtcOptions,
} from '../lib/index.js'

/** Every optional member of T, as undefined. */
type Unset<T> = { [K in keyof T as object extends Pick<T, K> ? K : never]-?: undefined }

const generation: Unset<GenerateOptions> = {
  maxTokens: undefined,
  temperature: undefined,
  topK: undefined,
  topP: undefined,
  minP: undefined,
  typicalP: undefined,
  topNSigma: undefined,
  repetitionPenalty: undefined,
  frequencyPenalty: undefined,
  presencePenalty: undefined,
  logitBias: undefined,
  dry: undefined,
  xtc: undefined,
  mirostat: undefined,
  samplers: undefined,
  logprobs: undefined,
  topLogprobs: undefined,
  promptLogprobs: undefined,
  priority: undefined,
  seed: undefined,
  stopTokens: undefined,
  stop: undefined,
  ignoreEos: undefined,
  tools: undefined,
  continueFinalMessage: undefined,
  templateVariables: undefined,
  contextOverflow: undefined,
  signal: undefined,
  keepOnAbort: undefined,
}
const loading: Unset<LoadOptions> = {
  device: undefined,
  dtype: undefined,
  precision: undefined,
  deterministic: undefined,
  positionEncoding: undefined,
  contextLength: undefined,
  contextOverflow: undefined,
  attentionSinks: undefined,
  kvCache: undefined,
  maxQueue: undefined,
  threads: undefined,
  isa: undefined,
  tokenizer: undefined,
  revision: undefined,
  cacheDir: undefined,
  onProgress: undefined,
  onWarning: undefined,
  signal: undefined,
}
const dry: Unset<DryOptions> = {
  base: undefined,
  allowedLength: undefined,
  penaltyLastN: undefined,
  breakers: undefined,
}
const mirostat: Unset<MirostatOptions> = { version: undefined, tau: undefined, eta: undefined, mu: undefined }
const xtc: Unset<XtcOptions> = { threshold: undefined }
const context: Unset<SamplingContext> = { generated: undefined, prompt: undefined, tokenizer: undefined }
const pulling: Unset<PullOptions> = {
  revision: undefined,
  cacheDir: undefined,
  onProgress: undefined,
  onWarning: undefined,
  signal: undefined,
}
const inspection: Unset<InspectOptions> = {
  dtype: undefined,
  revision: undefined,
  cacheDir: undefined,
  onWarning: undefined,
  signal: undefined,
}
const report: Unset<DoctorOptions> = {
  measure: undefined,
  threads: undefined,
  isa: undefined,
  cuda: undefined,
}
const logits: Unset<LogitsOptions> = { positions: undefined }
const task: Unset<TaskOptions> = { signal: undefined, priority: undefined, onProgress: undefined }
const embedding: Unset<EmbedOptions> = { ...task, dimensions: undefined, instruction: undefined }
const ranking: Unset<RankOptions> = { ...task, instruction: undefined, topN: undefined }
const scoring: Unset<ScoreOptions> = { ...task, topLogprobs: undefined }
const foretelling: Unset<PerplexityOptions> = { ...task, window: undefined, stride: undefined }
const encoding: Unset<EncodeOptions> = { addSpecialTokens: undefined }
const decoding: Unset<DecodeOptions> = { skipSpecialTokens: undefined, goesOn: undefined }
const render: Pick<Unset<RenderOptions>, 'tools' | 'addGenerationPrompt' | 'continueFinalMessage' | 'now'> = {
  tools: undefined,
  addGenerationPrompt: undefined,
  continueFinalMessage: undefined,
  now: undefined,
}
const tokens: Pick<Unset<ChatTemplateTokens>, 'bos_token' | 'eos_token' | 'pad_token' | 'unk_token'> = {
  bos_token: undefined,
  eos_token: undefined,
  pad_token: undefined,
  unk_token: undefined,
}
const member: Unset<ChatMessage> = {
  content: undefined,
  tool_calls: undefined,
  tool_call_id: undefined,
  name: undefined,
  reasoning_content: undefined,
}
const call: Unset<MessageToolCall> = { id: undefined, type: undefined }
const tool: Unset<ToolDefinition> = { description: undefined }

let model: Model
beforeAll(async () => {
  model = await load(undefined, { ...loading })
})
afterAll(() => model.close())

it('generations, as text, chat, many and sessions', async () => {
  const greedy = { temperature: 0, maxTokens: 4 }
  const plain = await model.generate('Once upon a time', greedy).text()
  expect(await model.generate('Once upon a time', { ...generation, ...greedy }).text()).toBe(plain)
  const many: GenerateManyOptions = { ...generation, ...greedy, n: 2 }
  const { length } = await model.generateMany('Once upon a time', many)
  expect(length).toBe(2)

  const messages: ChatMessage[] = [{ ...member, role: 'user', content: 'Hello' }]
  const said = await model.chat([{ role: 'user', content: 'Hello' }], greedy).text()
  expect(await model.chat(messages, { ...generation, ...greedy }).text()).toBe(said)
  const empty: Unset<SessionOptions> = { ...generation, system: undefined, messages: undefined }
  const options: SessionOptions = { ...empty, ...greedy }
  expect(await model.session(options).chat('Hello').text()).toBe(said)
})

it('options within options', async () => {
  const logitsOf = Float32Array.of(1, 2, 3)
  const given = { dry: { multiplier: 1, ...dry }, xtc: { probability: 0, ...xtc } }
  expect(samplingDistribution(logitsOf, given, context)).toEqual(
    samplingDistribution(logitsOf, { dry: { multiplier: 1 }, xtc: { probability: 0 } }),
  )
  expect(samplingDistribution(logitsOf, { mirostat })).toEqual(
    samplingDistribution(logitsOf, { mirostat: {} }),
  )
})

it('what gives numbers', async () => {
  expect(await model.embed('Once', embedding)).toEqual(await model.embed('Once'))
  await expect(model.rank('Once', ['upon'], ranking)).rejects.toMatchObject({ code: 'unsupported_model' }) // no token "yes"
  expect(await model.score('Once', ' upon', scoring)).toEqual(await model.score('Once', ' upon'))
  expect(await model.perplexity('Once upon', foretelling)).toEqual(await model.perplexity('Once upon'))
})

it('logits, the tokenizer, inspect and doctor', async () => {
  expect((await model.logits([1, 2], logits)).shape).toEqual([2, 5120])
  const tokenizer = await Tokenizer.fromFile(bundledModelPath())
  const ids = tokenizer.encode('Once', encoding)
  expect(ids).toEqual(tokenizer.encode('Once'))
  expect(tokenizer.decode(ids, decoding)).toBe('Once')
  expect((await inspect(undefined, { ...inspection })).vocab).toBe(5120)
  expect(await doctor(report)).toMatchObject({ processors: expect.any(Number) })
  const options: PullOptions = pulling
  expect(Object.keys(options)).toHaveLength(5)
})

it('templates: a member that is undefined is absent', () => {
  const source = `{{ bos_token }}{% for m in messages %}{{ m | tojson }}{{ m.name is defined }}{{ 'tool_calls' in m }}{% endfor %}{{ tools | tojson }}`
  const rendered = (given: object, options: RenderOptions) =>
    new ChatTemplate(source, { ...tokens, bos_token: '<s>' }).render(
      [{ role: 'user', ...given, content: 'Hi' }],
      options,
    )
  const wanted = rendered({}, { tools: [{ type: 'function', function: { name: 'now', parameters: {} } }] })
  const tools: FunctionTool[] = [{ type: 'function', function: { name: 'now', parameters: {}, ...tool } }]
  expect(rendered(member, { ...render, tools })).toBe(wanted)
  const f = { name: 'now', arguments: {} }
  expect(rendered({ tool_calls: [{ function: f, ...call }] }, render)).toBe(
    rendered({ tool_calls: [{ function: f }] }, {}),
  )
})
