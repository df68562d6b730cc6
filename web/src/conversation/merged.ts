import { thread } from './thread.ts'
import type { Conversation } from './types.ts'

/**
 * A conversation that two tabs went on with, each from the same beginning: what was said in either is there. Of a message that both have,
 * and of all else, the first one's is taken.
 */
export function merged(first: Conversation, second: Conversation | undefined): Conversation {
  const ids = new Set(first.messages.map(({ id }) => id))
  const more = second?.messages.filter(({ id }) => !ids.has(id)) ?? []
  if (more.length === 0) return first
  return { ...first, messages: [...first.messages, ...more].sort((a, b) => a.created - b.created) }
}

/** What a tab shows when another one has changed a conversation: the same way through it, on to what was said after its end. */
export function overtaken(ours: Conversation, theirs: Conversation): Conversation {
  const isFurther = thread(theirs).some(({ id }) => id === ours.head)
  return { ...merged(theirs, ours), head: isFurther ? theirs.head : ours.head }
}
