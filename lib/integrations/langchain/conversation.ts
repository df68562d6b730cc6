import type { AIMessage, BaseMessage, ToolMessage } from '@langchain/core/messages'
import { type ChatMessage, QuernError } from '../../index.js'

/** Messages of LangChain as a conversation. */
export function conversationOf(messages: readonly BaseMessage[]): ChatMessage[] {
  return messages.map((message): ChatMessage => {
    const content = textOf(message)
    switch (message.type) {
      case 'system':
        return { role: 'system', content }
      case 'human':
        return { role: 'user', content }
      case 'ai':
        return assistantMessage(message as AIMessage, content)
      case 'tool': {
        const { tool_call_id, name } = message as ToolMessage
        return { role: 'tool', tool_call_id, name, content }
      }
      default:
        throw new QuernError('invalid_input', `messages: expected no message of the type '${message.type}'`, {
          value: message.type,
        })
    }
  })
}

function assistantMessage({ tool_calls = [], additional_kwargs }: AIMessage, content: string): ChatMessage {
  const { reasoning_content: reasoning } = additional_kwargs
  return {
    role: 'assistant',
    content,
    reasoning_content: typeof reasoning === 'string' ? reasoning : undefined,
    tool_calls:
      tool_calls.length === 0
        ? undefined
        : tool_calls.map(({ id, name, args }) => ({
            id,
            type: 'function',
            function: { name, arguments: args },
          })),
  }
}

/** Blocks of reasoning and of calls say again what the message says elsewhere. */
function textOf({ content }: BaseMessage): string {
  if (typeof content === 'string') return content
  return content
    .map((block) => {
      if (block.type === 'text' && typeof block.text === 'string') return block.text
      if (block.type === 'reasoning' || block.type === 'tool_call') return ''
      throw new QuernError(
        'invalid_input',
        `messages: content of the type '${block.type}': text alone is read`,
        {
          value: block.type,
        },
      )
    })
    .join('')
}
