import { siblings } from '../conversation/thread.ts'
import type { Conversation, Message } from '../conversation/types.ts'
import { useShared, useWords } from './context.ts'
import { IconButton } from './icon-button.tsx'

/** Leads to the other versions of a message, where there are any. */
export function Versions({ conversation, message }: { conversation: Conversation; message: Message }) {
  const words = useWords()
  const { chat } = useShared()
  const all = siblings(conversation, message)
  const index = all.findIndex(({ id }) => id === message.id)
  if (all.length < 2) return null
  return (
    <span class="versions">
      <IconButton
        icon="left"
        label={words.previousVersion}
        disabled={index === 0}
        onClick={() => chat.turnTo(message, -1)}
      />
      <span>
        <span aria-hidden="true">{`${index + 1} / ${all.length}`}</span>
        <span class="unseen">{words.version(index + 1, all.length)}</span>
      </span>
      <IconButton
        icon="right"
        label={words.nextVersion}
        disabled={index === all.length - 1}
        onClick={() => chat.turnTo(message, 1)}
      />
    </span>
  )
}
