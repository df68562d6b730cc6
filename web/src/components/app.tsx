import { useLayoutEffect, useState } from 'preact/hooks'
import { languageOf, languages } from '../i18n/languages.ts'
import { useStore } from '../state/store.ts'
import { ChatView } from './chat-view.tsx'
import { type Shared, SharedContext, WordsContext } from './context.ts'
import { KeyDialog } from './key-dialog.tsx'
import { ModelDialog } from './model-dialog.tsx'
import { SettingsDialog } from './settings-dialog.tsx'
import { ShortcutsDialog } from './shortcuts-dialog.tsx'
import { Sidebar } from './sidebar.tsx'
import { Toast, type ToastMessage } from './toast.tsx'
import { useShortcuts } from './use-shortcuts.ts'

export type DialogName = 'settings' | 'model' | 'shortcuts'

/** The whole page. */
export function App({ shared }: { shared: Shared }) {
  const { chat } = shared
  const { theme, language: chosen } = useStore(shared.preferences)
  const language = languageOf(chosen, navigator.languages)
  const { messages: words, tag } = languages[language]
  const reachability = useStore(chat.server.reachability)
  const [dialog, setDialog] = useState<DialogName | null>(null)
  const [isListOpen, setListOpen] = useState(() => !isNarrow())
  const [toast, setToast] = useState<ToastMessage | null>(null)
  const toggleList = () => setListOpen((isOpen) => !isOpen)
  const isLocked = reachability === 'locked'

  useLayoutEffect(() => {
    document.documentElement.lang = tag
    document.documentElement.dataset.theme = theme
  }, [tag, theme])
  useShortcuts({ chat, isBusy: dialog !== null || isLocked, openDialog: setDialog, setListOpen })

  return (
    <SharedContext.Provider value={shared}>
      <WordsContext.Provider value={words}>
        <div class="page" data-list={isListOpen ? 'open' : 'closed'}>
          <Sidebar
            isOpen={isListOpen}
            onClose={() => setListOpen(false)}
            onChoose={() => isNarrow() && setListOpen(false)}
            openDialog={setDialog}
            tell={setToast}
          />
          <ChatView isListOpen={isListOpen} toggleList={toggleList} openDialog={setDialog} />
        </div>
        {dialog === 'settings' && <SettingsDialog onClose={() => setDialog(null)} />}
        {dialog === 'model' && <ModelDialog onClose={() => setDialog(null)} />}
        {dialog === 'shortcuts' && <ShortcutsDialog onClose={() => setDialog(null)} />}
        {isLocked && <KeyDialog />}
        {toast && <Toast message={toast} onEnd={() => setToast(null)} />}
      </WordsContext.Provider>
    </SharedContext.Provider>
  )
}

/** Whether the list lies over the conversation instead of beside it. */
function isNarrow(): boolean {
  return matchMedia('(max-width: 52rem)').matches
}
