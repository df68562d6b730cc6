import { useRef, useState } from 'preact/hooks'
import { found } from '../conversation/search.ts'
import { exported, imported } from '../conversation/transfer.ts'
import type { Conversation } from '../conversation/types.ts'
import { newId } from '../state/chat.ts'
import { useStore } from '../state/store.ts'
import type { DialogName } from './app.tsx'
import { useShared, useWords } from './context.ts'
import { ConversationRow } from './conversation-row.tsx'
import { saveFile } from './save-file.ts'
import { Icon } from './icon.tsx'
import { IconButton } from './icon-button.tsx'
import type { ToastMessage } from './toast.tsx'
import { searchField } from './use-shortcuts.ts'

interface Props {
  isOpen: boolean
  onClose: () => void
  onChoose: () => void
  openDialog: (name: DialogName) => void
  tell: (message: ToastMessage) => void
}

/** The list of conversations, and what can be done with all of them. */
export function Sidebar({ isOpen, onClose, onChoose, openDialog, tell }: Props) {
  const words = useWords()
  const { chat } = useShared()
  const { conversations } = chat
  const all = useStore(conversations.list)
  const current = useStore(chat.current)
  const isUnkept = useStore(conversations.isUnkept)
  const [query, setQuery] = useState('')
  const file = useRef<HTMLInputElement>(null)
  const list = found(all, query)

  const choose = (id: string | null) => {
    chat.open(id)
    onChoose()
  }
  const remove = (conversation: Conversation) => {
    if (chat.writing.get()?.conversation === conversation.id) chat.stop()
    conversations.delete(conversation.id)
    if (current === conversation.id) chat.open(null)
    const action = { label: words.undo, run: () => conversations.put(conversation) }
    tell({ text: words.removed(conversation.title), action })
  }
  const take = async (chosen: File) => {
    try {
      const taken = imported(await chosen.text())
      // What is here already stays: an import adds, and never replaces.
      for (const one of taken) conversations.put(conversations.get(one.id) ? { ...one, id: newId() } : one)
      tell({ text: words.imported(taken.length) })
    } catch (error) {
      tell({ text: words.importFailed(error instanceof Error ? error.message : String(error)) })
    }
  }

  return (
    <>
      <nav class="sidebar" aria-label={words.conversations} hidden={!isOpen}>
        <div class="sidebar-head">
          <span class="brand">quern</span>
          <IconButton icon="close" label={words.closeList} class="narrow-only" onClick={onClose} />
        </div>
        <button type="button" class="new-chat" onClick={() => choose(null)}>
          <Icon name="plus" />
          {words.newChat}
        </button>
        <label class="search">
          <Icon name="search" />
          <input
            id={searchField}
            type="search"
            placeholder={words.search}
            aria-label={words.search}
            value={query}
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
        </label>
        <div class="rows">
          {list.length === 0 && (
            <p class="rows-empty">{query ? words.nothingFound : words.noConversations}</p>
          )}
          {groups(list).map(({ name, rows }) => (
            <section key={name} aria-label={words[name]}>
              <h2>{words[name]}</h2>
              <ul>
                {rows.map((one) => (
                  <ConversationRow
                    key={one.id}
                    conversation={one}
                    isCurrent={one.id === current}
                    onChoose={() => choose(one.id)}
                    onRemove={() => remove(one)}
                  />
                ))}
              </ul>
            </section>
          ))}
        </div>
        {isUnkept && <p class="notice">{words.unkept}</p>}
        <div class="sidebar-foot">
          <IconButton icon="keyboard" label={words.shortcuts} onClick={() => openDialog('shortcuts')} />
          <span class="gap" />
          <IconButton icon="upload" label={words.importFile} onClick={() => file.current?.click()} />
          <IconButton
            icon="download"
            label={words.exportAll}
            disabled={all.length === 0}
            onClick={() => saveFile('quern-conversations.json', exported(all))}
          />
          <input
            ref={file}
            type="file"
            accept="application/json,.json"
            aria-label={words.importFile}
            hidden
            onChange={(event) => {
              const [chosen] = event.currentTarget.files ?? []
              if (chosen) void take(chosen)
              event.currentTarget.value = ''
            }}
          />
        </div>
      </nav>
      {isOpen && (
        <button type="button" class="backdrop" aria-label={words.closeList} tabIndex={-1} onClick={onClose} />
      )}
    </>
  )
}

type GroupName = 'today' | 'yesterday' | 'earlier'

/** By the day on which they were last spoken in. */
function groups(list: readonly Conversation[]): { name: GroupName; rows: Conversation[] }[] {
  const midnight = new Date().setHours(0, 0, 0, 0)
  const nameOf = ({ updated }: Conversation): GroupName => {
    if (updated >= midnight) return 'today'
    return updated >= midnight - 86_400_000 ? 'yesterday' : 'earlier'
  }
  const names: GroupName[] = ['today', 'yesterday', 'earlier']
  return names
    .map((name) => ({ name, rows: list.filter((one) => nameOf(one) === name) }))
    .filter(({ rows }) => rows.length > 0)
}
