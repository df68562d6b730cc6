import { useEffect } from 'preact/hooks'
import type { Chat } from '../state/chat.ts'
import type { DialogName } from './app.tsx'

interface Actions {
  chat: Chat
  /** A dialog has the keys. */
  isBusy: boolean
  openDialog: (name: DialogName) => void
  setListOpen: (change: (isOpen: boolean) => boolean) => void
}

export const messageField = 'message-field'
export const searchField = 'search-field'

/** The keys that work everywhere. With Alt, since browsers have taken most of the others. */
export function useShortcuts({ chat, isBusy, openDialog, setListOpen }: Actions): void {
  useEffect(() => {
    const actions: Record<string, () => void> = {
      KeyN: () => {
        chat.open(null)
        focus(messageField)
      },
      KeyK: () => {
        setListOpen(() => true)
        setTimeout(() => focus(searchField))
      },
      KeyB: () => setListOpen((isOpen) => !isOpen),
      KeyI: () => focus(messageField),
      Comma: () => openDialog('settings'),
      Slash: () => openDialog('shortcuts'),
    }
    const onKey = (event: KeyboardEvent) => {
      if (isBusy || event.isComposing) return
      if (event.key === 'Escape' && chat.writing.get()) {
        event.preventDefault()
        return chat.stop()
      }
      const action = event.altKey && !event.ctrlKey && !event.metaKey && actions[event.code]
      if (!action) return
      event.preventDefault()
      action()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [chat, isBusy, openDialog, setListOpen])
}

function focus(id: string): void {
  document.getElementById(id)?.focus()
}
