import { QuernError } from '../errors.js'
import { isRecord } from '../input/is-record.js'
import { show } from '../input/show.js'
import { given } from '../input/take-data.js'
import type { ChatMessage } from './messages.js'

/** Throws `invalid_input` unless it is a conversation, whatever template renders it. */
export function checkMessages(messages: readonly ChatMessage[]): void {
  if (!Array.isArray(messages) || messages.length === 0)
    throw refusal('messages', 'a text or an array of at least one message', messages)
  for (const [index, message] of messages.entries()) checkMessage(message, `messages[${index}]`)
}

function checkMessage(message: unknown, name: string): void {
  if (typeof message === 'number')
    throw refusal(name, 'messages; token ids are given as { tokens: [1, 2, 3] }', message)
  if (!isRecord(message)) throw refusal(name, '{ role, content }', message)
  const { role, content, tool_calls: calls } = message
  if (typeof role !== 'string') throw refusal(`${name}.role`, 'a text such as "user"', role)
  const hasCalls = Array.isArray(calls) && calls.length > 0
  if (calls !== undefined && calls !== null) checkCalls(calls, `${name}.tool_calls`)
  if (content === undefined || content === null) {
    if (role === 'assistant' && hasCalls) return
    throw refusal(`${name}.content`, 'text; only an assistant that calls tools may have none', content)
  }
  if (typeof content !== 'string') checkParts(content, `${name}.content`)
}

function checkParts(content: unknown, name: string): void {
  if (!Array.isArray(content)) throw refusal(name, "text or an array of { type: 'text', text }", content)
  for (let i = 0; i < content.length; i++) {
    const part: unknown = content[i]
    const type = isRecord(part) ? part.type : undefined
    if (typeof type === 'string' && type !== 'text')
      throw refusal(`${name}[${i}]`, `a part of the type "text", the only one that is supported`, type)
    if (!isRecord(part) || type !== 'text' || typeof part.text !== 'string')
      throw refusal(`${name}[${i}]`, "{ type: 'text', text } with a text", part)
  }
}

function checkCalls(calls: unknown, name: string): void {
  if (!Array.isArray(calls)) throw refusal(name, 'an array of { function: { name, arguments } }', calls)
  for (let i = 0; i < calls.length; i++) {
    const called: unknown = isRecord(calls[i]) ? calls[i].function : undefined
    const isCall =
      isRecord(called) &&
      typeof called.name === 'string' &&
      (typeof called.arguments === 'string' || isRecord(called.arguments))
    if (!isCall)
      throw refusal(`${name}[${i}]`, '{ function: { name, arguments } } with an object or its JSON', calls[i])
  }
}

function refusal(name: string, expected: string, value: unknown): QuernError {
  return new QuernError('invalid_input', `${name}: expected ${expected}, got ${show(value)}`, {
    value: given(value),
  })
}
