import type { ChatMessage } from '../chat/messages.js'
import { QuernError } from '../errors.js'
import { show } from '../input/show.js'
import { isArray, isRevoked, readMember, takeData } from '../input/take-data.js'
import { checkFits, takeTokens } from '../input/take-numbers.js'
import { takeText } from '../input/take-text.js'
import type { GenerateInput, TakenInput } from './prompt.js'

/**
 * What generate() is to continue, each part of it read once.
 *
 * @throws {QuernError} `invalid_input`, `invalid_token`, `context_overflow`.
 */
export function takeInput(input: GenerateInput, longest: number): TakenInput {
  if (typeof input === 'string') return takeText('generate', input)
  if (isArray(input)) return takeConversation(input as readonly ChatMessage[])
  const tokens = isObject(input) ? readMember(input, 'tokens', () => refusal(input)) : undefined
  if (tokens === undefined) throw refusal(input)
  return { tokens: takeTokens('tokens', tokens, (length) => checkFits(length, longest)) }
}

/** A conversation, or the text of a user that begins one; what is neither is left for the template's check to refuse. */
export function takeConversation(messages: string | readonly ChatMessage[]): readonly ChatMessage[] {
  const conversation = typeof messages === 'string' ? [{ role: 'user', content: messages }] : messages
  return takeData('messages', conversation as readonly ChatMessage[], 'invalid_input')
}

function isObject(input: unknown): input is object {
  return typeof input === 'object' && input !== null && !isRevoked(input)
}

function refusal(input: unknown): QuernError {
  const hint = ArrayBuffer.isView(input) ? '; token ids are given as { tokens: ids }' : ''
  const message = `generate: expected a string, an array of messages or { tokens }, got ${show(input)}${hint}`
  return new QuernError('invalid_input', message, { value: input })
}
