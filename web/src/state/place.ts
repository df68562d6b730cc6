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
  chat.open(named())
  chat.current.watch((id) => {
    const hash = id === null ? '' : `#${id}`
    if (location.hash !== hash) history.pushState(null, '', hash || location.pathname + location.search)
  })
  addEventListener('popstate', () => chat.open(named()))
}
