import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Conversation, Message } from '../conversation/types.ts'
import { useStore } from '../state/store.ts'
import { AssistantItem } from './assistant-item.tsx'
import { Boundary } from './boundary.tsx'
import { useShared, useWords } from './context.ts'
import { ToolItem } from './tool-item.tsx'
import { UserItem } from './user-item.tsx'

interface Props {
  conversation: Conversation
  messages: readonly Message[]
}

/** Pixels from the end within which whoever reads wants to see what comes. */
const near = 80

/** What was said. It follows what is being written as long as its end is in view. */
export function MessageList({ conversation, messages }: Props) {
  const words = useWords()
  const { chat } = useShared()
  const box = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  const last = messages.at(-1)
  const isWriting = useStore(chat.isWriting) === conversation.id

  useLayoutEffect(() => {
    const element = box.current
    const content = element?.firstElementChild
    if (!element || !content) return
    const follow = () => {
      if (follows.current) element.scrollTop = element.scrollHeight
    }
    const observer = new ResizeObserver(follow)
    observer.observe(content)
    observer.observe(element)
    follow()
    return () => observer.disconnect()
  }, [])
  useLayoutEffect(() => {
    follows.current = true
    if (box.current) box.current.scrollTop = box.current.scrollHeight
  }, [last?.id])

  return (
    <section
      class="messages"
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
      tabIndex={0}
      aria-label={conversation.title}
      onScroll={(event) => {
        const { scrollHeight, scrollTop, clientHeight } = event.currentTarget
        follows.current = scrollHeight - scrollTop - clientHeight < near
      }}
    >
      <ol>
        {messages.map((message) => (
          <li key={message.id}>
            <Boundary text={message.content}>
              {message.role === 'user' && <UserItem conversation={conversation} message={message} />}
              {message.role === 'tool' && <ToolItem message={message} />}
              {message.role === 'assistant' && (
                <AssistantItem
                  conversation={conversation}
                  message={message}
                  isLast={message.id === last?.id}
                />
              )}
            </Boundary>
          </li>
        ))}
      </ol>
      <p class="unseen" role="status">
        {isWriting ? words.writing : last?.role === 'assistant' && last.end !== 'failed' ? words.written : ''}
      </p>
    </section>
  )
}
