import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Message } from '../conversation/types.ts'
import { draftText, keepDraft } from '../state/draft.ts'
import { useStore } from '../state/store.ts'
import { useShared, useWords } from './context.ts'
import { Icon } from './icon.tsx'
import { ContextMeter } from './context-meter.tsx'
import { messageField } from './use-shortcuts.ts'

/** Where messages are written. */
export function Composer({ messages }: { messages: readonly Message[] }) {
  const words = useWords()
  const { chat } = useShared()
  const isWriting = useStore(chat.isWriting) !== null
  const current = useStore(chat.current)
  const [text, setText] = useState(draftText)
  const field = useRef<HTMLTextAreaElement>(null)
  const isEmpty = text.trim() === ''

  useLayoutEffect(() => {
    const { current: element } = field
    if (!element) return
    element.style.height = 'auto'
    element.style.height = `${element.scrollHeight}px`
    keepDraft(text)
  }, [text])
  useEffect(() => {
    // On a phone the keyboard would cover the conversation that was just opened.
    if (matchMedia('(hover: hover)').matches) field.current?.focus()
  }, [current])

  const send = () => {
    if (isEmpty || isWriting) return
    setText('')
    chat.send(text.trim())
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <div class="composer-box">
        <textarea
          id={messageField}
          ref={field}
          rows={1}
          aria-label={words.message}
          placeholder={words.placeholder}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
            event.preventDefault()
            send()
          }}
        />
        {isWriting ? (
          <button
            type="button"
            class="send"
            aria-label={words.stop}
            title={words.stop}
            onClick={() => chat.stop()}
          >
            <Icon name="stop" />
          </button>
        ) : (
          <button type="submit" class="send" aria-label={words.send} title={words.send} disabled={isEmpty}>
            <Icon name="send" />
          </button>
        )}
      </div>
      <div class="composer-foot">
        <Speed />
        <ContextMeter messages={messages} />
      </div>
    </form>
  )
}

/** How fast the answer comes. */
function Speed() {
  const words = useWords()
  const { chat } = useShared()
  const speed = useStore(chat.writing)?.message.tokensPerSecond
  return <span>{speed === undefined ? '' : words.tokensPerSecond(speed.toFixed(speed < 10 ? 1 : 0))}</span>
}
