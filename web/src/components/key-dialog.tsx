import { useId, useState } from 'preact/hooks'
import { apiKey, setApiKey } from '../api/api-key.ts'
import { useShared, useWords } from './context.ts'
import { Dialog } from './dialog.tsx'

/** Asks for the key that the server wants. Whoever closes it may read on; the next request asks again. */
export function KeyDialog() {
  const words = useWords()
  const { server } = useShared().chat
  const id = useId()
  const [key, setKey] = useState('')
  const [isClosed, setClosed] = useState(false)
  const wasWrong = apiKey() !== ''
  if (isClosed) return null
  return (
    <Dialog title={words.keyTitle} onClose={() => setClosed(true)}>
      <form
        class="key-form"
        onSubmit={(event) => {
          event.preventDefault()
          setApiKey(key.trim())
          setKey('')
          void server.look()
        }}
      >
        <p id={`${id}-help`}>{words.keyHelp}</p>
        <input
          type="password"
          autocomplete="off"
          aria-label={words.keyTitle}
          aria-describedby={`${id}-help`}
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        {wasWrong && (
          <p class="help wrong" role="alert">
            {words.keyWrong}
          </p>
        )}
        <button type="submit" class="primary" disabled={key.trim() === ''}>
          {words.save}
        </button>
      </form>
    </Dialog>
  )
}
