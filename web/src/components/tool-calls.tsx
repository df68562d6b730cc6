import { useState } from 'preact/hooks'
import { thread } from '../conversation/thread.ts'
import type { Conversation, ToolCall } from '../conversation/types.ts'
import { useShared, useWords } from './context.ts'
import { Icon } from './icon.tsx'

interface Props {
  calls: readonly ToolCall[]
  /** Whether their results may be told. */
  canAnswer: boolean
  conversation: Conversation
}

/** The calls that a model asks for. */
export function ToolCalls({ calls, canAnswer, conversation }: Props) {
  const words = useWords()
  const messages = thread(conversation)
  const answered = messages.flatMap((one) => (one.role === 'tool' ? [one.callId] : []))
  // Once the conversation went on without it, a result has no place any more.
  const asks = messages.findLast(({ role }) => role !== 'tool')
  const isOpen = (call: ToolCall) =>
    canAnswer &&
    asks?.role === 'assistant' &&
    asks.calls.some(({ id }) => id === call.id) &&
    !answered.includes(call.id)
  return (
    <ul class="calls">
      {calls.map((call) => (
        <li key={call.id} class="call">
          <p class="call-name">
            <Icon name="wrench" />
            {words.call(call.name)}
          </p>
          <pre>{pretty(call.arguments)}</pre>
          {isOpen(call) && <Result id={call.id} />}
        </li>
      ))}
    </ul>
  )
}

function Result({ id }: { id: string }) {
  const words = useWords()
  const { chat } = useShared()
  const [text, setText] = useState('')
  return (
    <form
      class="call-result"
      onSubmit={(event) => {
        event.preventDefault()
        chat.answerCall(id, text)
      }}
    >
      <textarea
        rows={2}
        aria-label={words.callResult}
        placeholder={words.callResultPlaceholder}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="primary" disabled={text === ''}>
        {words.sendResult}
      </button>
    </form>
  )
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2)
  } catch {
    return json
  }
}
