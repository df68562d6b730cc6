/**
 * A tool that the model asks for.
 *
 * @example
 * ```ts
 * const { toolCalls } = await model.chat(messages, { tools: [getWeather] }).result()
 * for (const { name, arguments: json } of toolCalls) console.log(name, JSON.parse(json))
 * ```
 */
export interface ToolCall {
  /** Nine letters and digits, which the tool's answer repeats as `tool_call_id`. */
  id: string
  name: string
  /** JSON text of an object, digits as the model wrote them. */
  arguments: string
}

/**
 * What a piece of a model's text turned out to be.
 *
 * @example
 * ```ts
 * const spoken = (part: ReplyPart) => (part.type === 'text-delta' ? part.text : '')
 * ```
 */
export type ReplyPart =
  | { type: 'text-delta'; text: string }
  | { type: 'reasoning-delta'; text: string }
  | ({ type: 'tool-call' } & ToolCall)

/** Reads the text of one generation while it comes. What it finds does not depend on how the text is cut. */
export interface ReplyReader {
  push(text: string): ReplyPart[]
  /** The text is complete. */
  end(): ReplyPart[]
}

/** Text that is nothing but text. */
export const plainReader: ReplyReader = {
  push: (text) => (text === '' ? [] : [{ type: 'text-delta', text }]),
  end: () => [],
}

/**
 * A model's answer as a message of the conversation that follows.
 *
 * @example
 * ```ts
 * const { message } = await model.chat(messages).result()
 * messages.push(message, { role: 'user', content: 'Go on.' })
 * ```
 */
export interface AssistantMessage {
  role: 'assistant'
  content: string
  /** What it thought before, where it did. */
  reasoning_content?: string
  /** The tools that it asks for, where it does. */
  tool_calls?: {
    id: string
    type: 'function'
    function: { name: string; arguments: Record<string, unknown> }
  }[]
}

/** The parts of a reply, put together. */
export class Reply {
  text = ''
  reasoning = ''
  readonly toolCalls: ToolCall[] = []

  add(part: ReplyPart): void {
    if (part.type === 'text-delta') this.text += part.text
    else if (part.type === 'reasoning-delta') this.reasoning += part.text
    else this.toolCalls.push({ id: part.id, name: part.name, arguments: part.arguments })
  }

  toMessage(): AssistantMessage {
    const { text, reasoning, toolCalls } = this
    const calls = toolCalls.map(({ id, name, arguments: json }) => ({
      id,
      type: 'function' as const,
      function: { name, arguments: JSON.parse(json) as Record<string, unknown> },
    }))
    return {
      role: 'assistant',
      content: text,
      ...(reasoning !== '' && { reasoning_content: reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    }
  }
}
