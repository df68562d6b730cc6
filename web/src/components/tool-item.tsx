import type { ToolMessage } from '../conversation/types.ts'
import { useWords } from './context.ts'

/** What a tool gave. */
export function ToolItem({ message }: { message: ToolMessage }) {
  const words = useWords()
  return (
    <article class="message tool" aria-label={words.tool}>
      <p class="call-name">{words.tool}</p>
      <pre>{message.content}</pre>
    </article>
  )
}
