import { QuernError } from '../errors.js'
import type { ChatMessage } from './messages.js'

/** Throws `invalid_input` unless it is a conversation that a template can render. */
export function checkMessages(messages: readonly ChatMessage[]): void {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new QuernError('invalid_input', 'messages: expected a text or an array of at least one message', {
      value: messages,
    })
  }
  for (const [index, message] of messages.entries()) {
    const isObject = typeof message === 'object' && message !== null && typeof message.role === 'string'
    if (isObject && (typeof message.content === 'string' || isTextParts(message.content))) continue
    throw new QuernError(
      'invalid_input',
      `messages[${index}]: expected { role, content } with a content that is text or an array of { type: 'text', text }`,
      { value: message },
    )
  }
}

function isTextParts(content: unknown): boolean {
  return (
    Array.isArray(content) && content.every((part) => part?.type === 'text' && typeof part.text === 'string')
  )
}
