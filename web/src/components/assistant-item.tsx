import { memo } from 'preact/compat'
import type { AssistantMessage, Conversation } from '../conversation/types.ts'
import { useStore } from '../state/store.ts'
import { useShared, useWords } from './context.ts'
import { CopyButton } from './copy-button.tsx'
import { Icon } from './icon.tsx'
import { IconButton } from './icon-button.tsx'
import { Markdown } from './markdown.tsx'
import { Thoughts } from './thoughts.tsx'
import { ToolCalls } from './tool-calls.tsx'
import { Versions } from './versions.tsx'

interface Props {
  conversation: Conversation
  message: AssistantMessage
  isLast: boolean
}

/** An answer; while it is being written it is drawn as it grows, and nothing else is. */
export const AssistantItem = memo(function AssistantItem(props: Props) {
  return props.message.end === 'writing' ? <WritingItem {...props} /> : <Answer {...props} />
})

function WritingItem(props: Props) {
  const { chat } = useShared()
  const writing = useStore(chat.writing)
  const message = writing?.message.id === props.message.id ? writing.message : props.message
  return <Answer {...props} message={message} />
}

function Answer({ conversation, message, isLast }: Props) {
  const words = useWords()
  const { chat } = useShared()
  const { content, reasoning, calls, end } = message
  const isWriting = end === 'writing'
  const isEmpty = content === '' && reasoning === '' && calls.length === 0
  return (
    <article class="message assistant" aria-label={words.assistant} aria-busy={isWriting}>
      {isWriting && isEmpty && (
        <p class="waiting">
          <span class="unseen">{words.waiting}</span>
          <span class="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
        </p>
      )}
      {reasoning !== '' && <Thoughts text={reasoning} isGrowing={isWriting && content === ''} />}
      {content !== '' && <Markdown text={content} isGrowing={isWriting} />}
      {calls.length > 0 && <ToolCalls calls={calls} canAnswer={!isWriting} conversation={conversation} />}
      <End message={message} />
      {!isWriting && (
        <div class="actions">
          <Versions conversation={conversation} message={message} />
          <CopyButton text={() => content} />
          <IconButton icon="again" label={words.regenerate} onClick={() => chat.regenerate(message)} />
          <IconButton icon="fork" label={words.fork} onClick={() => chat.fork(message, words.forkTitle)} />
          <Figures message={message} isLast={isLast} />
        </div>
      )}
    </article>
  )
}

/** How it ended, where it did not end of itself. */
function End({ message }: { message: AssistantMessage }) {
  const words = useWords()
  const { chat } = useShared()
  if (message.end === 'stopped') return <p class="end">{words.wasStopped}</p>
  if (message.end === 'length') return <p class="end">{words.hitLimit}</p>
  if (message.end !== 'failed') return null
  const { error = '' } = message
  const text = error === 'unreachable' ? words.brokeOff : error === 'unauthorized' ? words.needsKey : error
  return (
    <div class="end end-wrong" role="alert">
      <Icon name="warning" />
      <span>{text}</span>
      <button type="button" class="quiet" onClick={() => chat.regenerate(message)}>
        {words.retry}
      </button>
    </div>
  )
}

function Figures({
  message: { usage, tokensPerSecond, model },
  isLast,
}: {
  message: AssistantMessage
  isLast: boolean
}) {
  const words = useWords()
  const figures = [
    ...(usage ? [words.tokens(usage.completionTokens.toLocaleString())] : []),
    ...(tokensPerSecond !== undefined
      ? [words.tokensPerSecond(tokensPerSecond.toFixed(tokensPerSecond < 10 ? 1 : 0))]
      : []),
  ]
  return (
    <span class={isLast ? 'figures' : 'figures quiet-figures'} title={model}>
      {figures.join(' · ')}
    </span>
  )
}
