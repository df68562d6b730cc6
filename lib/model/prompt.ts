import { adaptMessages } from '../chat/adapt-messages.js'
import type { ChatTemplate } from '../chat/chat-template.js'
import type { ChatMessage } from '../chat/messages.js'
import { ChatReplyReader } from '../chat/reply-reader.js'
import { reasoningOf, toolCallFormat } from '../chat/template-traits.js'
import { QuernError } from '../errors.js'
import type { GenerateOptions } from '../generation/options.js'
import type { Prompt } from '../generation/run.js'
import { type FunctionTool, functionTools } from '../generation/tools.js'
import { invalidOption } from '../input/check-option.js'
import { isRecord } from '../input/is-record.js'
import { show } from '../input/show.js'
import { encodeText } from '../tokenizer/encode-text.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import { fitConversation } from './fit-conversation.js'
import type { ModelInfo } from './model-info.js'

/**
 * What to continue: a text as it stands, a conversation through the model's chat template, or token ids.
 *
 * @example
 * ```ts
 * const inputs: GenerateInput[] = ['Once upon a time', [{ role: 'user', content: 'Hello!' }], { tokens: [1, 2, 3] }]
 * ```
 */
export type GenerateInput = string | readonly ChatMessage[] | { tokens: ArrayLike<number> }

/** An input as a copy of our own: nobody can change it between its check and its use. */
export type TakenInput = string | readonly ChatMessage[] | { tokens: Int32Array }

/** What turns words into a model's tokens. Both throw where the model has none. */
export interface PromptTools {
  readonly tokenizer: Tokenizer
  /** The chat template for conversations, with tools or without. */
  templateFor(hasTools: boolean): ChatTemplate
  readonly info: Pick<ModelInfo, 'contextLength' | 'longestSequence' | 'capacity' | 'attentionSinks'>
}

/** How an input becomes a prompt: the options that concern it. */
export type PromptOptions = Pick<
  GenerateOptions,
  'tools' | 'continueFinalMessage' | 'templateVariables' | 'contextOverflow' | 'maxTokens'
> & {
  /** Messages: open the assistant's answer. */
  addGenerationPrompt?: boolean | undefined
  /** A text: with the tokens that the tokenizer puts around it. */
  addSpecialTokens?: boolean | undefined
}

/** Throws for options that no prompt could be made with, whatever its messages. */
export function checkPromptOptions({ tools, templateVariables }: PromptOptions): void {
  functionTools(tools)
  checkVariables(templateVariables)
}

/** A generation's prompt; a promise for long texts. */
export function makePrompt(
  input: TakenInput,
  options: PromptOptions,
  source: PromptTools,
): Prompt | Promise<Prompt> {
  if (isMessages(input)) return conversationPrompt(input, options, source)
  for (const name of ['tools', 'continueFinalMessage', 'templateVariables'] as const) {
    if (options[name] !== undefined)
      throw invalidOption(name, 'messages beside it, since it is for the chat template', options[name])
  }
  if (options.contextOverflow === 'truncate')
    throw invalidOption('contextOverflow', "'error', or messages that can be left out", 'truncate')
  if (typeof input === 'string') return encode(input, source, options.addSpecialTokens ?? true, {})
  return { tokens: input.tokens }
}

/** The prompt of a conversation, or of as much of it as fits. */
export function conversationPrompt(
  messages: readonly ChatMessage[],
  options: PromptOptions,
  source: PromptTools,
): Prompt | Promise<Prompt> {
  const tools = functionTools(options.tools)
  const chatTemplate = source.templateFor(tools !== undefined)
  const adapted = adaptMessages(messages, chatTemplate)
  const render = (kept: readonly ChatMessage[]) =>
    renderedPrompt(kept, { ...options, tools }, chatTemplate, source)
  if (options.contextOverflow !== 'truncate') return render(adapted)
  const capacity = Math.min(source.info.capacity, source.info.contextLength)
  return fitConversation(adapted, capacity, options.maxTokens, render)
}

/** The tokens of a conversation that nobody answers yet: those of the prompts that will continue it begin with them, or nearly. */
export async function conversationTokens(
  messages: readonly ChatMessage[],
  { tools, templateVariables }: PromptOptions,
  source: PromptTools,
): Promise<Int32Array> {
  const definitions = functionTools(tools)
  const chatTemplate = source.templateFor(definitions !== undefined)
  const text = chatTemplate.render(adaptMessages(messages, chatTemplate), {
    ...checkVariables(templateVariables),
    ...(definitions && { tools: definitions }),
  })
  return (await encode(text, source, false, {})).tokens
}

/** The template writes the special tokens, so encoding adds none. */
function renderedPrompt(
  messages: readonly ChatMessage[],
  {
    tools,
    continueFinalMessage = false,
    addGenerationPrompt = !continueFinalMessage,
    templateVariables,
  }: Omit<PromptOptions, 'tools'> & { tools: FunctionTool[] | undefined },
  chatTemplate: ChatTemplate,
  source: PromptTools,
): Prompt | Promise<Prompt> {
  const { tokenizer: _ } = source
  if (typeof continueFinalMessage !== 'boolean')
    throw invalidOption('continueFinalMessage', 'true or false', continueFinalMessage)
  if (continueFinalMessage && messages.at(-1)?.role !== 'assistant') {
    throw new QuernError(
      'invalid_input',
      `continueFinalMessage: expected the last message to be the assistant's, it has the role ${show(messages.at(-1)?.role)}`,
      { value: messages.at(-1) },
    )
  }
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
    addGenerationPrompt,
    continueFinalMessage,
  })
  const reasoning = reasoningOf(chatTemplate, text, continueFinalMessage ? messages.at(-1) : undefined)
  const toolNames = tools?.map((tool) => tool.function.name)
  return encode(text, source, false, {
    reader: () => new ChatReplyReader({ reasoning, toolCalls, toolNames }),
    keepSpecialTokens: toolCalls !== undefined && toolCalls !== 'hermes', // the others mark calls with them
  })
}

function encode(
  text: string,
  { tokenizer }: PromptTools,
  addSpecialTokens: boolean,
  rest: Omit<Prompt, 'tokens'>,
): Prompt | Promise<Prompt> {
  const tokens = encodeText(tokenizer, text, addSpecialTokens)
  return tokens instanceof Promise
    ? tokens.then((encoded) => ({ tokens: encoded, ...rest }))
    : { tokens, ...rest }
}

const renderOptions = ['messages', 'tools', 'addGenerationPrompt', 'continueFinalMessage']

function checkVariables(variables: unknown): Record<string, unknown> {
  if (variables === undefined) return {}
  const taken = isRecord(variables) && renderOptions.find((name) => Object.hasOwn(variables, name))
  if (isRecord(variables) && taken === undefined) return variables
  throw invalidOption(
    'templateVariables',
    `an object of variables, without ${renderOptions.join(', ')}`,
    taken || variables,
  )
}

function isMessages(input: unknown): input is readonly ChatMessage[] {
  return Array.isArray(input)
}
