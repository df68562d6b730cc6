import { useEffect, useRef, useState } from 'preact/hooks'
import { exported } from '../conversation/transfer.ts'
import type { Conversation } from '../conversation/types.ts'
import { useShared, useWords } from './context.ts'
import { Icon } from './icon.tsx'
import { IconButton } from './icon-button.tsx'
import { saveFile } from './save-file.ts'

interface Props {
  conversation: Conversation
  isCurrent: boolean
  onChoose: () => void
  onRemove: () => void
}

/** A conversation in the list, with what can be done to it. */
export function ConversationRow({ conversation, isCurrent, onChoose, onRemove }: Props) {
  const words = useWords()
  const { chat } = useShared()
  const [mode, setMode] = useState<'shown' | 'menu' | 'renaming'>('shown')
  const row = useRef<HTMLLIElement>(null)
  const { id, title } = conversation

  useEffect(() => {
    if (mode !== 'menu') return
    row.current?.querySelector<HTMLElement>('.menu button')?.focus()
    const leave = (event: Event) => {
      if (!row.current?.contains(event.target as HTMLElement)) setMode('shown')
    }
    addEventListener('pointerdown', leave)
    return () => removeEventListener('pointerdown', leave)
  }, [mode])

  const rename = (name: string) => {
    setMode('shown')
    if (name.trim() !== '') chat.conversations.update(id, (one) => ({ ...one, title: name.trim() }))
  }
  if (mode === 'renaming') {
    return (
      <li class="row">
        <input
          class="rename"
          aria-label={words.rename}
          defaultValue={title}
          ref={(field) => field?.select()}
          onBlur={(event) => rename(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.isComposing) rename(event.currentTarget.value)
            if (event.key === 'Escape') setMode('shown')
          }}
        />
      </li>
    )
  }
  return (
    <li
      class="row"
      ref={row}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || mode !== 'menu') return
        event.stopPropagation()
        setMode('shown')
        row.current?.querySelector<HTMLElement>('.row-menu')?.focus()
      }}
    >
      <button
        type="button"
        class="row-title"
        aria-current={isCurrent ? 'page' : undefined}
        onClick={onChoose}
      >
        {title || words.newChat}
      </button>
      <IconButton
        icon="more"
        class="row-menu"
        label={words.conversationMenu(title)}
        aria-expanded={mode === 'menu'}
        onClick={() => setMode(mode === 'menu' ? 'shown' : 'menu')}
      />
      {mode === 'menu' && (
        <div class="menu">
          <button type="button" onClick={() => setMode('renaming')}>
            <Icon name="edit" />
            {words.rename}
          </button>
          <button
            type="button"
            onClick={() => {
              setMode('shown')
              saveFile('quern-conversation.json', exported([conversation]))
            }}
          >
            <Icon name="download" />
            {words.exportOne}
          </button>
          <button type="button" class="danger" onClick={onRemove}>
            <Icon name="trash" />
            {words.remove}
          </button>
        </div>
      )}
    </li>
  )
}
