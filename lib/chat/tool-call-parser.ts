import { QuernError } from '../errors.js'
import { guardReceivers } from '../input/guard-receivers.js'
import { show } from '../input/show.js'
import { given } from '../input/take-data.js'
import { takeOptions } from '../input/take-options.js'
import { HermesFormat } from './hermes.js'
import { Llama3JsonFormat } from './llama3-json.js'
import { MistralFormat } from './mistral.js'
import { ReplyContent, type ToolCallEvent } from './reply-content.js'
import type { ParsedToolCall } from './tool-call-json.js'

/**
 * How a model writes its tool calls: 'hermes' is Qwen's way, 'llama3-json' and 'mistral' their makers'.
 *
 * @example
 * ```ts
 * const format: ToolCallFormat = 'hermes'
 * const parser = new ToolCallParser(format)
 * ```
 */
export type ToolCallFormat = 'hermes' | 'llama3-json' | 'mistral'

/**
 * What {@link ToolCallParser.end} gives.
 *
 * @example
 * ```ts
 * const { content, toolCalls, malformed }: ToolCallParserEnd = parser.end()
 * ```
 */
export interface ToolCallParserEnd {
  /** The last events. */
  events: ToolCallEvent[]
  /** The text outside of calls; null where there is none. */
  content: string | null
  /** All calls. */
  toolCalls: ParsedToolCall[]
  /** Blocks that looked like a call and were not one. They are part of the content. */
  malformed: number
}

/**
 * Options of {@link ToolCallParser}.
 *
 * @example
 * ```ts
 * const options: ToolCallParserOptions = { toolNames: ['get_weather'] }
 * const parser = new ToolCallParser('llama3-json', options)
 * ```
 */
export interface ToolCallParserOptions {
  /**
   * The names of the tools that were offered. Where no tag marks a call ('llama3-json'), JSON that names another is an answer. Default: any
   * name is a tool's.
   */
  toolNames?: readonly string[] | undefined
}

const formats = { hermes: HermesFormat, 'llama3-json': Llama3JsonFormat, mistral: MistralFormat }

/**
 * Finds the tool calls in a model's output while it comes. The result is the same however the output is cut into pieces, and no text is
 * lost: what is no call is content.
 *
 * @example
 * ```ts
 * const parser = new ToolCallParser('hermes')
 * for await (const text of generation) for (const event of parser.push(text)) console.log(event)
 * const { content, toolCalls } = parser.end()
 * ```
 */
export class ToolCallParser {
  readonly #reply = new ReplyContent()
  readonly #format: HermesFormat | Llama3JsonFormat | MistralFormat
  #isEnded = false

  /**
   * @throws {QuernError} `invalid_option` for an unknown format, or names that are no texts.
   * @example
   * ```ts
   * const parser = new ToolCallParser('llama3-json')
   * ```
   */
  constructor(format: ToolCallFormat, options: ToolCallParserOptions = {}) {
    if (typeof format !== 'string' || !Object.hasOwn(formats, format)) {
      throw new QuernError(
        'invalid_option',
        `ToolCallParser: expected one of ${Object.keys(formats).join(', ')}, got ${show(format)}`,
        { value: format },
      )
    }
    const { toolNames } = takeOptions('ToolCallParser', options, ['toolNames'])
    if (
      toolNames !== undefined &&
      !(Array.isArray(toolNames) && toolNames.every((name) => typeof name === 'string'))
    ) {
      throw new QuernError('invalid_option', 'ToolCallParser: toolNames: expected an array of names', {
        value: given(toolNames),
      })
    }
    this.#format = new formats[format](this.#reply, toolNames)
  }

  /**
   * Takes the next piece of the output, without end tokens; gives what is certain by now.
   *
   * @throws {QuernError} `already_consumed` after `end()`.
   * @example
   * ```ts
   * parser.push('Let me check.\n<tool_') // [{ type: 'text-delta', text: 'Let me check.' }]
   * ```
   */
  push(text: string): ToolCallEvent[] {
    this.#checkOpen()
    if (typeof text !== 'string') {
      throw new QuernError('invalid_input', `ToolCallParser: expected a text, got ${show(text)}`, {
        value: text,
      })
    }
    this.#format.push(text)
    return this.#reply.takeEvents()
  }

  /**
   * The output is complete.
   *
   * @throws {QuernError} `already_consumed` the second time.
   * @example
   * ```ts
   * const { content, toolCalls, malformed } = parser.end()
   * ```
   */
  end(): ToolCallParserEnd {
    this.#checkOpen()
    this.#isEnded = true
    this.#format.end()
    this.#reply.end()
    const { content, calls, malformed } = this.#reply
    return { events: this.#reply.takeEvents(), content, toolCalls: calls, malformed }
  }

  static {
    guardReceivers(ToolCallParser, (value) => #reply in value)
  }

  #checkOpen(): void {
    if (this.#isEnded) {
      throw new QuernError('already_consumed', 'the output has ended: a ToolCallParser reads one output')
    }
  }
}
