import { QuernError } from '../errors.js'

/** A JSON object whose members nobody has looked at yet. */
export type JsonObject = Record<string, unknown>

/** The error for a tokenizer file that breaks its format. */
export function invalid(where: string, expected: string, value: unknown): QuernError {
  return new QuernError('invalid_tokenizer', `${where}: expected ${expected}, got ${describe(value)}`, {
    value,
  })
}

/** The error for a tokenizer file that asks for something quern does not do. */
export function unsupported(where: string, what: string, value?: unknown): QuernError {
  return new QuernError(
    'unsupported_tokenizer',
    `${where}: ${what} is not supported. quern reads byte-level BPE tokenizers (Qwen, Llama 3, SmolLM2, GPT-2) and SentencePiece's BPE (Llama 2, Mistral, Phi-3).`,
    { value },
  )
}

export function expectObject(value: unknown, where: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(where, 'an object', value)
  return value as JsonObject
}

export function expectArray(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw invalid(where, 'an array', value)
  return value
}

export function expectString(value: unknown, where: string): string {
  if (typeof value !== 'string') throw invalid(where, 'a string', value)
  return value
}

/** A boolean; absent or null means the default. */
export function expectFlag(value: unknown, where: string, absent: boolean): boolean {
  if (value === undefined || value === null) return absent
  if (typeof value !== 'boolean') throw invalid(where, 'true or false', value)
  return value
}

/** The largest id that a vocabulary may have; real ones stay below a million. */
export const MAX_TOKEN_ID = 2 ** 24 - 1

/** Far more than models have, all places where they may stand together; the native side takes them in at once. */
export const MAX_ADDED_TOKENS = 100_000

export function isTokenId(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_TOKEN_ID
}

export function expectId(value: unknown, where: string): number {
  if (!isTokenId(value)) throw invalid(where, `a token id from 0 to ${MAX_TOKEN_ID}`, value)
  return value
}

/** The `type` member of a pipeline step. */
export function expectType(value: JsonObject, where: string): string {
  return expectString(value.type, `${where}.type`)
}

/** Real pipelines have two steps or three, one in the other. */
const MAX_STEPS = 16
const MAX_DEPTH = 3

/** The items of a list that is short in any real file. */
export function expectShortArray(value: unknown, where: string): unknown[] {
  const items = expectArray(value, where)
  if (items.length > MAX_STEPS) throw invalid(where, `at most ${MAX_STEPS} items`, value)
  return items
}

/** The steps of a pipeline: a `Sequence` is taken apart, however deep, null has none. */
export function* pipelineSteps(
  value: unknown,
  where: string,
  member: string,
  depth = 0,
): Generator<PipelineStep> {
  if (value === undefined || value === null) return
  if (depth > MAX_DEPTH) throw invalid(where, `sequences nested at most ${MAX_DEPTH} deep`, 'more')
  const step = expectObject(value, where)
  const type = expectType(step, where)
  if (type !== 'Sequence') {
    yield { type, step, where }
    return
  }
  for (const [index, inner] of expectShortArray(step[member], `${where}.${member}`).entries())
    yield* pipelineSteps(inner, `${where}.${member}[${index}]`, member, depth + 1)
}

/** One step of a normalizer, pre-tokenizer, post-processor or decoder, and where in the file it stands. */
export interface PipelineStep {
  type: string
  step: JsonObject
  where: string
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
