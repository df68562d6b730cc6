import { QuernError } from '../errors.js'
import { invalidOption } from '../input/check-option.js'
import { guardReceivers } from '../input/guard-receivers.js'
import { show } from '../input/show.js'
import { takeData } from '../input/take-data.js'
import { takeAnyOptions } from '../input/take-options.js'
import { Template } from '../jinja/template.js'
import { continuation } from './continue-final-message.js'
import type { ChatMessage } from './messages.js'

/**
 * Special tokens that a template may use: those that tokenizer_config.json names, by its names.
 *
 * @example
 * ```ts
 * const tokens: ChatTemplateTokens = { bos_token: '<s>', eos_token: '</s>' }
 * ```
 */
export interface ChatTemplateTokens {
  bos_token?: string | undefined
  eos_token?: string | undefined
  pad_token?: string | undefined
  unk_token?: string | undefined
  [name: string]: string | undefined
}

/**
 * Options of {@link ChatTemplate.render}. Any other name is a variable of the template, such as `enable_thinking`.
 *
 * @example
 * ```ts
 * const options: RenderOptions = { addGenerationPrompt: true, enable_thinking: false }
 * const prompt = template.render(messages, options)
 * ```
 */
export interface RenderOptions {
  /** The tools that the model may call, mostly as OpenAI's API has them. */
  tools?: readonly object[] | null | undefined
  /** Open the assistant's answer. Default: false. */
  addGenerationPrompt?: boolean | undefined
  /** Leave the last message open, so that the model continues it. Default: false. */
  continueFinalMessage?: boolean | undefined
  /** What the template takes for now. Default: the clock. */
  now?: Date | undefined
  [variable: string]: unknown
}

const maxSourceCharacters = 512 * 1024

/**
 * A chat template: a conversation to the text that a model was trained to continue. Templates are Jinja, as Hugging Face renders them;
 * they are bounded in time and output, whatever they hold.
 *
 * @example
 * ```ts
 * const template = new ChatTemplate("{% for m in messages %}[{{ m.role }}] {{ m.content }}{{ eos_token }}{% endfor %}", { eos_token: '</s>' })
 * template.render([{ role: 'user', content: 'Hello!' }]) // '[user] Hello!</s>'
 * ```
 */
export class ChatTemplate {
  /** The template's text. */
  readonly source: string
  readonly #tokens: ChatTemplateTokens
  readonly #template: Template

  /**
   * @param source The text of chat_template.jinja, or `chat_template` of tokenizer_config.json.
   * @param tokens The special tokens that the model has.
   * @throws {QuernError} `invalid_template` where it is no template, or uses what is not supported.
   * @example
   * ```ts
   * const template = new ChatTemplate(await readFile('chat_template.jinja', 'utf8'), { eos_token: '<|im_end|>' })
   * ```
   */
  constructor(source: string, tokens: ChatTemplateTokens = {}) {
    if (typeof source !== 'string') {
      throw new QuernError('invalid_input', `chat template: expected its text, got ${show(source)}`, {
        value: source,
      })
    }
    if (source.length > maxSourceCharacters) {
      throw new QuernError(
        'invalid_template',
        `chat template: ${source.length} characters, at most ${maxSourceCharacters} are expected`,
        { value: source.length },
      )
    }
    this.source = source
    this.#tokens = takeAnyOptions('ChatTemplate', tokens)
    this.#template = new Template(source)
  }

  /**
   * The text of a conversation. Encode it without adding special tokens: the template wrote them.
   *
   * @throws {QuernError} `template_error` where the template refuses the conversation or fails, `template_limit` where it takes too
   * long, `invalid_input` where the last message can't be continued.
   * @example
   * ```ts
   * const prompt = template.render(messages, { addGenerationPrompt: true, enable_thinking: false })
   * const tokens = model.tokenizer.encode(prompt, { addSpecialTokens: false })
   * ```
   */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): string {
    const given = takeData('messages', messages, 'invalid_input')
    if (!Array.isArray(given)) {
      throw new QuernError(
        'invalid_input',
        `chat template: expected an array of messages, got ${show(messages)}`,
        {
          value: messages,
        },
      )
    }
    const taken = takeAnyOptions('render', options)
    const { tools, addGenerationPrompt = false, continueFinalMessage = false, now, ...variables } = taken
    if (now !== undefined && !(now instanceof Date && Number.isFinite(now.getTime())))
      throw invalidOption('now', 'a Date', now)
    if (!continueFinalMessage) return this.#render(given, tools, addGenerationPrompt, now, variables)
    const { marked, cut } = continuation(given, addGenerationPrompt)
    return cut(this.#render(marked, tools, false, now, variables))
  }

  static {
    guardReceivers(ChatTemplate, (value) => #template in value)
  }

  #render(
    messages: readonly unknown[],
    tools: RenderOptions['tools'],
    addGenerationPrompt: boolean,
    now: Date | undefined,
    variables: Record<string, unknown>,
  ): string {
    const given = {
      ...this.#tokens,
      messages,
      tools: tools ?? null,
      documents: null,
      add_generation_prompt: addGenerationPrompt,
      ...variables,
    }
    return this.#template.render(given, now ?? new Date())
  }
}
