import type { ChatTemplate } from '../chat/chat-template.js'
import type { ChatMessage } from '../chat/messages.js'
import { ChatReplyReader } from '../chat/reply-reader.js'
import { reasoningOf, toolCallFormat } from '../chat/template-traits.js'
import { QuernError } from '../errors.js'
import { type GenerateOptions, invalidOption } from '../generation/options.js'
import type { Prompt } from '../generation/run.js'
import { functionTools } from '../generation/tools.js'
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

/** How an input becomes a prompt: the options that concern it. */
export type PromptOptions = Pick<GenerateOptions, 'tools' | 'continueFinalMessage' | 'templateVariables'>

/** A generation's prompt; a promise for long texts. */
export function makePrompt(
  input: GenerateInput,
  options: PromptOptions,
  source: PromptTools,
): Prompt | Promise<Prompt> {
  if (isMessages(input)) return conversationPrompt(input, options, source)
  for (const name of ['tools', 'continueFinalMessage', 'templateVariables'] as const) {
    if (options[name] !== undefined)
      throw invalidOption(name, 'messages beside it, since it is for the chat template', options[name])
  }
  if (typeof input === 'string') return encode(input, source, true, {})
  if (typeof input === 'object' && input !== null && 'tokens' in input)
    return { tokens: tokenArray(input.tokens) }
  throw new QuernError('invalid_input', 'generate: expected a string, an array of messages or { tokens }', {
    value: input,
  })
}

/** The prompt of a conversation. The template writes the special tokens, so encoding adds none. */
export function conversationPrompt(
  messages: readonly ChatMessage[],
  options: PromptOptions,
  source: PromptTools,
): Prompt | Promise<Prompt> {
  checkMessages(messages)
  const { tokenizer: _, chatTemplate } = source
  const { continueFinalMessage = false, templateVariables } = options
  if (typeof continueFinalMessage !== 'boolean')
    throw invalidOption('continueFinalMessage', 'true or false', continueFinalMessage)
  const tools = options.tools && functionTools(options.tools)
  const toolCalls = tools && toolCallFormat(chatTemplate)
  if (tools && toolCalls === undefined) {
    throw new QuernError(
      'unsupported_option',
      "tools: this model's chat template knows of no tools; describe them in a system message, or use another model",
      { value: tools },
    )
  }
  const text = chatTemplate.render(messages, {
    ...checkVariables(templateVariables),
    ...(tools && { tools }),
    addGenerationPrompt: !continueFinalMessage,
    continueFinalMessage,
  })
  return encode(text, source, false, {
    reader: new ChatReplyReader({ reasoning: reasoningOf(chatTemplate, text), toolCalls }),
    keepSpecialTokens: toolCalls !== undefined && toolCalls !== 'hermes', // the others mark calls with them
  })
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

function encode(
  text: string,
  { tokenizer }: PromptTools,
  addSpecialTokens: boolean,
  rest: Omit<Prompt, 'tokens'>,
): Prompt | Promise<Prompt> {
  const { handle } = tokenizer
  return text.length > longText
    ? handle.encodeAsync(text, addSpecialTokens).then((tokens) => ({ tokens, ...rest }))
    : { tokens: callNative(() => handle.encode(text, addSpecialTokens)), ...rest }
}

const renderOptions = ['messages', 'tools', 'addGenerationPrompt', 'continueFinalMessage']

function checkVariables(variables: unknown): Record<string, unknown> {
  if (variables === undefined) return {}
  const isObject = typeof variables === 'object' && variables !== null && !Array.isArray(variables)
  const taken = isObject && renderOptions.find((name) => Object.hasOwn(variables, name))
  if (isObject && taken === undefined) return variables as Record<string, unknown>
  throw invalidOption(
    'templateVariables',
    `an object of variables, without ${renderOptions.join(', ')}`,
    taken || variables,
  )
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
