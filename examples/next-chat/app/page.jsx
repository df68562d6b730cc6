'use client'
import { useChat } from '@ai-sdk/react'
import { useState } from 'react'

export default function Page() {
  const [text, setText] = useState('')
  const { messages, sendMessage, status, stop, error } = useChat()
  const isBusy = status === 'submitted' || status === 'streaming'
  const submit = (event) => {
    event.preventDefault()
    if (text.trim() === '' || isBusy) return
    sendMessage({ text })
    setText('')
  }
  return (
    <main>
      <ol aria-live="polite">
        {messages.map(({ id, role, parts }) => (
          <li key={id}>
            <b>{role}</b> {parts.map((part) => (part.type === 'text' ? part.text : '')).join('')}
          </li>
        ))}
      </ol>
      {error && <p role="alert">{error.message}</p>}
      <form onSubmit={submit}>
        <input aria-label="Message" value={text} onChange={(event) => setText(event.target.value)} />
        {isBusy ? (
          <button type="button" onClick={stop}>
            Stop
          </button>
        ) : (
          <button type="submit">Send</button>
        )}
      </form>
    </main>
  )
}
