import type { Conversation } from './types.ts'

/** The conversations in which all words are found, in the title or in what was said; newest first. */
export function found(conversations: readonly Conversation[], query: string): Conversation[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const holds = ({ title, messages }: Conversation) => {
    const texts = [title, ...messages.map(({ content }) => content)].map((text) => text.toLowerCase())
    return words.every((word) => texts.some((text) => text.includes(word)))
  }
  return conversations.filter(holds).sort((a, b) => b.updated - a.updated)
}
