import {
  type AssistantMessage,
  type Conversation,
  defaultSettings,
  type Message,
  type ToolMessage,
  type UserMessage,
} from '../../web/src/conversation/types.ts'

let count = 0
const node = (content: string) => ({ id: `m${++count}`, parent: null, created: count, content })

export function user(content: string): UserMessage {
  return { ...node(content), role: 'user' }
}

export function assistant(content: string, more: Partial<AssistantMessage> = {}): AssistantMessage {
  return { ...node(content), role: 'assistant', model: 'm', reasoning: '', calls: [], end: 'stop', ...more }
}

export function tool(callId: string, content: string): ToolMessage {
  return { ...node(content), role: 'tool', callId }
}

/** Messages that follow each other. */
export function conversationOf(messages: readonly Message[]): Conversation {
  const linked = messages.map((one, i) => ({ ...one, parent: messages[i - 1]?.id ?? null }))
  const head = linked.at(-1)?.id ?? null
  return {
    id: `c${++count}`,
    title: 'A title',
    created: 1,
    updated: 2,
    settings: defaultSettings,
    messages: linked,
    head,
  }
}
