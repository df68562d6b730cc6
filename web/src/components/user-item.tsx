import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Conversation, UserMessage } from '../conversation/types.ts'
import { useShared, useWords } from './context.ts'
import { CopyButton } from './copy-button.tsx'
import { IconButton } from './icon-button.tsx'
import { Versions } from './versions.tsx'

/** What was asked, as it was written. */
export function UserItem({ conversation, message }: { conversation: Conversation; message: UserMessage }) {
  const words = useWords()
  const { chat } = useShared()
  const [isEditing, setEditing] = useState(false)
  if (isEditing) return <Editor message={message} onEnd={() => setEditing(false)} />
  return (
    <article class="message user" aria-label={words.you}>
      <div class="bubble">{message.content}</div>
      <div class="actions">
        <Versions conversation={conversation} message={message} />
        <CopyButton text={() => message.content} />
        <IconButton icon="edit" label={words.edit} onClick={() => setEditing(true)} />
        <IconButton icon="fork" label={words.fork} onClick={() => chat.fork(message, words.forkTitle)} />
      </div>
    </article>
  )
}

function Editor({ message, onEnd }: { message: UserMessage; onEnd: () => void }) {
  const words = useWords()
  const { chat } = useShared()
  const [text, setText] = useState(message.content)
  const field = useRef<HTMLTextAreaElement>(null)
  useLayoutEffect(() => field.current?.focus(), [])
  const isEmpty = text.trim() === ''
  const resend = () => {
    if (isEmpty) return
    onEnd()
    chat.edit(message, text)
  }
  return (
    <article class="message user" aria-label={words.you}>
      <div class="editor">
        <textarea
          aria-label={words.edit}
          value={text}
          rows={Math.min(12, text.split('\n').length + 1)}
          ref={field}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') onEnd()
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
            event.preventDefault()
            resend()
          }}
        />
        <div class="editor-foot">
          <button type="button" class="quiet" onClick={onEnd}>
            {words.cancel}
          </button>
          <button type="button" class="primary" disabled={isEmpty} onClick={resend}>
            {words.resend}
          </button>
        </div>
      </div>
    </article>
  )
}
