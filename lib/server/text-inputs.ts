import { z } from 'zod'
import type { Model } from '../index.js'
import { invalidParam } from './api-error.js'

/** What requests give as a text: the text, or its tokens. */
export type TextInput = string | Int32Array

/** What requests give as texts. */
export interface TextInputs {
  inputs: TextInput[]
  /** Each is told apart by its number; otherwise there is one. */
  isList: boolean
}

/** As many inputs as OpenAI's API takes. */
const mostInputs = 2048
const largestId = 2 ** 31 - 1
const what = 'a text, a list of texts, the ids of tokens or a list of lists of them'

const ids = { type: 'array', items: { type: 'integer', minimum: 0, maximum: largestId } }
const someIds = { ...ids, minItems: 1 }
const listOf = (items: object) => ({ type: 'array', items, minItems: 1, maxItems: mostInputs })

/** What is wrong with a value, and where in it. */
class Wrong extends Error {
  readonly path: number[]

  constructor(message: string, ...path: number[]) {
    super(message)
    this.path = path
  }
}

/**
 * A text, texts, tokens, or lists of tokens. Bodies may hold millions of ids: they are looked at by hand, which takes a hundredth of the time
 * that a schema of four alternatives does.
 */
export const textInputs = z
  .unknown()
  .transform((value, context) => taken(context, () => takeInputs(value)))
  .meta({ anyOf: [{ type: 'string' }, listOf({ type: 'string' }), someIds, listOf(someIds)] })

/** The ids of tokens alone. */
export const tokenIds = z
  .unknown()
  .transform((value, context) => taken(context, () => takeIds(expectList(value))))
  .meta(ids)

/** What is taken of a value, or what is wrong with it. */
function taken<T>(context: z.RefinementCtx, take: () => T): T {
  try {
    return take()
  } catch (error) {
    if (!(error instanceof Wrong)) throw error
    context.addIssue({ code: 'custom', message: error.message, path: error.path })
    return z.NEVER
  }
}

function expectList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new Wrong(`expected the ids of tokens, got ${kindOf(value)}`)
}

function takeInputs(value: unknown): TextInputs {
  if (typeof value === 'string') return { inputs: [value], isList: false }
  if (!Array.isArray(value)) throw new Wrong(`expected ${what}, got ${kindOf(value)}`)
  if (value.length === 0) throw new Wrong(`expected ${what}, got an empty list`)
  if (typeof value[0] === 'number') return { inputs: [takeIds(value)], isList: false }
  if (value.length > mostInputs) throw new Wrong(`expected at most ${mostInputs}, got ${value.length}`)
  return { inputs: value.map(takeInput), isList: true }
}

function takeInput(value: unknown, index: number, all: readonly unknown[]): TextInput {
  const expectsText = typeof all[0] === 'string'
  if (expectsText && typeof value === 'string') return value
  if (!expectsText && Array.isArray(value) && value.length > 0) return takeIds(value, index)
  const got = Array.isArray(value) ? 'a list' : kindOf(value)
  throw new Wrong(`expected ${expectsText ? 'a text' : 'the ids of tokens, one at least'}, got ${got}`, index)
}

function takeIds(value: readonly unknown[], ...place: number[]): Int32Array {
  const taken = new Int32Array(value.length)
  for (const [i, id] of value.entries()) {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) > largestId)
      throw new Wrong(`expected the id of a token, got ${kindOf(id)}`, ...place, i)
    taken[i] = id as number
  }
  return taken
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return 'a text'
  if (Array.isArray(value)) return 'a list'
  return value === null ? 'null' : `a value of the type ${typeof value}`
}

/** @throws {ApiError} 400 where the model does not have one of the tokens. */
export function checkTokens(model: Model, tokens: Int32Array, param: string): void {
  const { vocab } = model.info.config
  const at = tokens.findIndex((id) => id >= vocab)
  if (at < 0) return
  const message = `token ${tokens[at]} is not in the vocabulary: expected ids from 0 to ${vocab - 1}`
  throw invalidParam(param, `${param}: ${message}`, 'invalid_token')
}

/** A text as its tokens; tokens stay as they are. Long texts are encoded beside the event loop. */
export async function tokensOf(model: Model, input: TextInput, param: string): Promise<Int32Array> {
  const tokens = typeof input === 'string' ? await model.promptTokens(input) : input
  if (tokens.length === 0) throw invalidParam(param, `${param}: expected one token at least, got none`)
  return tokens
}
