import type { Message } from '../conversation/types.ts'
import { useStore } from '../state/store.ts'
import { useShared, useWords } from './context.ts'

/** How much of what the model can see at a time is in use: as the server counted at the last answer. */
export function ContextMeter({ messages }: { messages: readonly Message[] }) {
  const words = useWords()
  const { chat } = useShared()
  const models = useStore(chat.server.models)
  useStore(chat.draft)
  const { model } = chat.settings()
  const all = (models.find(({ id }) => id === model) ?? models[0])?.max_model_len
  if (!all) return <span />
  const last = messages.findLast((one) => one.role === 'assistant' && one.usage !== undefined)
  const usage = last?.role === 'assistant' ? last.usage : undefined
  const used = usage ? usage.promptTokens + usage.completionTokens : 0
  const label = words.context(used.toLocaleString(), all.toLocaleString())
  return (
    <span class="context" title={label}>
      <meter aria-label={label} min={0} max={all} high={0.85 * all} value={Math.min(used, all)} />
      <span>{`${used.toLocaleString()} / ${all.toLocaleString()}`}</span>
    </span>
  )
}
