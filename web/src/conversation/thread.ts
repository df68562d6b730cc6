import type { Conversation, Message } from './types.ts'

/** The messages that are shown, from the first to the head. */
export function thread({ messages, head }: Pick<Conversation, 'messages' | 'head'>): Message[] {
  const byId = new Map(messages.map((message) => [message.id, message]))
  const path: Message[] = []
  for (let id = head; id !== null; ) {
    const message = byId.get(id)
    if (!message) break
    path.push(message)
    byId.delete(id) // what was imported might go in circles
    id = message.parent
  }
  return path.reverse()
}

/** The same conversation with one message more, which is the head from now on. */
export function withMessage(conversation: Conversation, message: Message): Conversation {
  return {
    ...conversation,
    messages: [...conversation.messages, message],
    head: message.id,
    updated: Math.max(message.created, conversation.updated),
  }
}

/** The same conversation with a message replaced by what it has become. */
export function withChanged(conversation: Conversation, changed: Message): Conversation {
  const messages = conversation.messages.map((message) => (message.id === changed.id ? changed : message))
  return { ...conversation, messages }
}

/** The messages that could stand where this one does, oldest first, itself among them. */
export function siblings({ messages }: Conversation, { parent, role }: Message): Message[] {
  return messages.filter((message) => message.parent === parent && message.role === role)
}

/** The same conversation, showing the way through this message: on to the newest below it. */
export function throughMessage(conversation: Conversation, id: string): Conversation {
  let head = id
  for (;;) {
    const children = conversation.messages.filter(({ parent }) => parent === head)
    const newest = children.at(-1)
    if (!newest) return { ...conversation, head }
    head = newest.id
  }
}

/** A conversation of its own that begins as this one does, up to a message. */
export function forked(conversation: Conversation, upTo: string, id: string, title: string): Conversation {
  const now = Date.now()
  const messages = thread({ messages: conversation.messages, head: upTo })
  return { ...conversation, id, title, created: now, updated: now, messages, head: upTo }
}
