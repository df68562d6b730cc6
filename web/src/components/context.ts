import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { en } from '../i18n/en.ts'
import type { Messages } from '../i18n/messages.ts'
import type { Chat } from '../state/chat.ts'
import type { Preferences } from '../state/preferences.ts'
import type { Store } from '../state/store.ts'

/** What all parts of the page share. */
export interface Shared {
  chat: Chat
  preferences: Store<Preferences>
}

export const SharedContext = createContext<Shared | undefined>(undefined)
export const WordsContext = createContext<Messages>(en)

export function useShared(): Shared {
  const shared = useContext(SharedContext)
  if (!shared) throw new Error('a part of the page outside of it')
  return shared
}

/** What the page says, in its language. */
export function useWords(): Messages {
  return useContext(WordsContext)
}
