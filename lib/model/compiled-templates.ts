import { ChatTemplate, type ChatTemplateTokens } from '../chat/chat-template.js'
import type { ChatTemplates } from '../checkpoint/chat-templates.js'
import { QuernError } from '../errors.js'

/** A model's chat templates, each compiled when it is first needed. */
export class CompiledTemplates {
  readonly #source: string
  readonly #texts: ChatTemplates
  readonly #tokens: ChatTemplateTokens | undefined
  readonly #compiled = new Map<string, ChatTemplate>()

  /** @param source The model's name, for messages. */
  constructor(source: string, texts: ChatTemplates, tokens: ChatTemplateTokens | undefined) {
    this.#source = source
    this.#texts = texts
    this.#tokens = tokens
  }

  /**
   * The template for a conversation: with tools the one that is called so, if there is one.
   *
   * @throws {QuernError} `no_chat_template`, `invalid_template`.
   */
  choose(hasTools: boolean): ChatTemplate {
    const name = hasTools && this.#texts.has('tool_use') ? 'tool_use' : 'default'
    const compiled = this.#compiled.get(name)
    if (compiled !== undefined) return compiled
    const text = this.#texts.get(name)
    if (text === undefined) throw this.#explainMissing()
    const template = new ChatTemplate(text, this.#tokens)
    this.#compiled.set(name, template)
    return template
  }

  #explainMissing(): QuernError {
    const names = [...this.#texts.keys()].join(', ')
    const found =
      names === ''
        ? 'has no chat template, neither chat_template.jinja nor chat_template in tokenizer_config.json'
        : `has chat templates for special uses (${names}) and none for conversations, which would be called default`
    return new QuernError(
      'no_chat_template',
      `${this.#source} ${found}: pass generate() a text, or render the messages with a ChatTemplate of your own`,
    )
  }
}
