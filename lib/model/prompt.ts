import type { ChatTemplate } from '../chat/chat-template.js'
import type { ChatMessage } from '../chat/messages.js'
import { QuernError } from '../errors.js'
import { callNative } from '../native/call-native.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'

/** Texts longer than this are encoded on a helper thread. UTF-16 units. */
const longText = 64 * 1024

/** What to continue: a text as it stands, a conversation through the model's chat template, or token ids. */
export type GenerateInput = string | readonly ChatMessage[] | { tokens: ArrayLike<number> }

/** What turns words into a model's tokens. Both throw where the model has none. */
export interface PromptTools {
  readonly tokenizer: Tokenizer
  readonly chatTemplate: ChatTemplate
}

/** The ids of an input; a promise for long texts. */
export function encodePrompt(input: GenerateInput, tools: PromptTools): Int32Array | Promise<Int32Array> {
  if (typeof input === 'string') return encode(input, tools, true)
  if (isMessages(input)) return encodeMessages(input, tools)
  if (typeof input === 'object' && input !== null && 'tokens' in input) return tokenArray(input.tokens)
  throw new QuernError('invalid_input', 'generate: expected a string, an array of messages or { tokens }', {
    value: input,
  })
}

/** The ids of a conversation that the assistant is to answer. The template writes the special tokens, so none are added. */
export function encodeMessages(
  messages: readonly ChatMessage[],
  tools: PromptTools,
): Int32Array | Promise<Int32Array> {
  checkMessages(messages)
  const { tokenizer: _, chatTemplate } = tools
  return encode(chatTemplate.render(messages, { addGenerationPrompt: true }), tools, false)
}

/** Ids as the engine takes them. */
export function tokenArray(tokens: ArrayLike<number>): Int32Array {
  if (tokens instanceof Int32Array) return tokens
  const isArray = Array.isArray(tokens) || ArrayBuffer.isView(tokens)
  if (!isArray)
    throw new QuernError('invalid_input', 'tokens: expected an array of token ids', { value: tokens })
  return Int32Array.from(tokens as ArrayLike<number>, (id) => {
    if (Number.isInteger(id) && Math.abs(id) < 2 ** 31) return id
    throw new QuernError('invalid_token', `expected token ids, whole numbers, got ${String(id)}`, {
      value: id,
    })
  })
}

function encode(text: string, { tokenizer }: PromptTools, addSpecialTokens: boolean) {
  const { handle } = tokenizer
  return text.length > longText
    ? handle.encodeAsync(text, addSpecialTokens)
    : callNative(() => handle.encode(text, addSpecialTokens))
}

function isMessages(input: unknown): input is readonly ChatMessage[] {
  return Array.isArray(input)
}

function checkMessages(messages: readonly ChatMessage[]): void {
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
