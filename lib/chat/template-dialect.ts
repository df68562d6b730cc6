import type { ChatTemplate } from './chat-template.js'
import type { ChatMessage, MessageToolCall } from './messages.js'

const mark = 'quernprobe'
const markAsData = new RegExp(`["']text["']: ["']${mark}`)
const question: ChatMessage = { role: 'user', content: 'x' }

/**
 * In which of the forms that clients use a template reads a message: seen from what it makes of small conversations, since no template says
 * so itself.
 */
export class TemplateDialect {
  static readonly #known = new WeakMap<ChatTemplate, TemplateDialect>()
  readonly #template: ChatTemplate
  readonly #contents = new Map<string, { text: boolean; parts: boolean }>()
  #arguments: 'either' | 'object' | 'text' | undefined

  static of(template: ChatTemplate): TemplateDialect {
    const dialect = TemplateDialect.#known.get(template) ?? new TemplateDialect(template)
    TemplateDialect.#known.set(template, dialect)
    return dialect
  }

  private constructor(template: ChatTemplate) {
    this.#template = template
  }

  /** The template names the role. */
  names(role: string): boolean {
    const { source } = this.#template
    return source.includes(`'${role}'`) || source.includes(`"${role}"`)
  }

  /** Whether contents of the role are read as text, and whether as a list of parts. */
  contents(role: ChatMessage['role']): { text: boolean; parts: boolean } {
    let reads = this.#contents.get(role)
    if (reads === undefined) {
      const shown = (content: ChatMessage['content']) => this.#render(conversationWith({ role, content }))
      const parts = shown([{ type: 'text', text: mark }])
      // A template that knows no parts may write the list down as data.
      reads = {
        text: shown(mark)?.includes(mark) ?? false,
        parts: parts?.includes(mark) === true && !markAsData.test(parts),
      }
      this.#contents.set(role, reads)
    }
    return reads
  }

  /** How the arguments of a call are wanted: templates that print them want the text, those that write JSON themselves the object. */
  get arguments(): 'either' | 'object' | 'text' {
    if (this.#arguments === undefined) {
      const called = (args: MessageToolCall['function']['arguments']) =>
        this.#render(conversationWithCall(args))
      const object = called({ [mark]: 'x' })
      const text = called(`{"${mark}": "x"}`)
      if (object === text) this.#arguments = 'either'
      else this.#arguments = object?.includes(mark) ? 'object' : 'text'
    }
    return this.#arguments
  }

  #render(messages: ChatMessage[]): string | undefined {
    try {
      return this.#template.render(messages)
    } catch {
      return undefined // it refuses such a conversation
    }
  }
}

function conversationWith(message: ChatMessage): ChatMessage[] {
  if (message.role === 'user') return [message]
  return message.role === 'assistant' ? [question, message] : [message, question]
}

function conversationWithCall(args: MessageToolCall['function']['arguments']): ChatMessage[] {
  const id = 'quern1234' // nine letters and digits, as Mistral's templates ask for
  return [
    question,
    {
      role: 'assistant',
      content: '',
      tool_calls: [{ id, type: 'function', function: { name: 'f', arguments: args } }],
    },
    { role: 'tool', content: 'x', tool_call_id: id, name: 'f' },
  ]
}
