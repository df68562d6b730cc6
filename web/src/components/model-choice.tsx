import { useStore } from '../state/store.ts'
import { useShared, useWords } from './context.ts'

/** Which model answers. One that embeds alone is not offered. */
export function ModelChoice() {
  const words = useWords()
  const { chat } = useShared()
  const models = useStore(chat.server.models).filter(({ details }) => details?.generates !== false)
  useStore(chat.conversations.list)
  useStore(chat.current)
  useStore(chat.draft)
  const { model } = chat.settings()
  const isGone = model !== null && models.length > 0 && !models.some(({ id }) => id === model)
  const chosen = model ?? models[0]?.id ?? ''
  return (
    <select
      class="model-choice"
      aria-label={words.model}
      value={chosen}
      disabled={models.length === 0}
      onChange={(event) => chat.setSettings({ ...chat.settings(), model: event.currentTarget.value })}
    >
      {isGone && <option value={model}>{`${model} (${words.modelGone})`}</option>}
      {models.map(({ id }) => (
        <option key={id} value={id}>
          {id}
        </option>
      ))}
    </select>
  )
}
