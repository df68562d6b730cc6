/**
 * A piece of a message's content.
 *
 * @example
 * ```ts
 * const message: ChatMessage = { role: 'user', content: [{ type: 'text', text: 'Hello!' }] }
 * ```
 */
export interface TextPart {
  type: 'text'
  text: string
}

/**
 * A call that an assistant made, as it stands in the conversation that follows.
 *
 * @example
 * ```ts
 * const call: MessageToolCall = { id: 'a1b2c3d4e', function: { name: 'get_weather', arguments: { city: 'Paris' } } }
 * messages.push({ role: 'assistant', content: '', tool_calls: [call] })
 * ```
 */
export interface MessageToolCall {
  /** Ties the tool's answer to the call, where the model's template uses it. */
  id?: string | undefined
  type?: 'function' | undefined
  function: {
    name: string
    /** An object, or the JSON text of one. */
    arguments: Record<string, unknown> | string
  }
}

/**
 * One message of a conversation.
 *
 * @example
 * ```ts
 * const messages: ChatMessage[] = [
 *   { role: 'system', content: 'Be terse.' },
 *   { role: 'user', content: 'Why is the sky blue?' },
 * ]
 * ```
 */
export interface ChatMessage {
  /** `developer` counts as `system` where the model's template does not know it. */
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool'
  /** Text, or parts of text, which are joined where the model's template knows none. An assistant that calls tools may have no text. */
  content?: string | readonly TextPart[] | null | undefined
  /** What an assistant called. */
  tool_calls?: readonly MessageToolCall[] | null | undefined
  /** For a tool's answer: the call that it answers. */
  tool_call_id?: string | undefined
  /** For a tool's answer: the tool's name, where the model's template uses it. */
  name?: string | undefined
  /** What an assistant thought before it answered, for the templates that keep it. */
  reasoning_content?: string | undefined
}
