import type { Chat } from './chat.ts'

/**
 * Keeps the address at the conversation that is shown, behind `#`: a reload comes back to it, and the browser's arrows go from one to the
 * other.
 */
export function keepPlace(chat: Chat): void {
  const named = () => {
    const id = location.hash.slice(1)
    return chat.conversations.get(id) ? id : null
  }
  const addressOf = (id: string | null) => (id === null ? location.pathname + location.search : `#${id}`)
  if (chat.current.get() === null) chat.open(named()) // else somebody was faster than what was kept
  history.replaceState(null, '', addressOf(chat.current.get()))
  chat.current.watch((id) => {
    if (location.hash.slice(1) !== (id ?? '')) history.pushState(null, '', addressOf(id))
  })
  addEventListener('popstate', () => chat.open(named()))
}
