import { thread } from './thread.ts'
import type { AssistantMessage, Conversation, Message, Settings, ToolMessage } from './types.ts'

interface Turn {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string | null
  tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: string } }[]
  tool_call_id?: string
}

/** The body of the request for what comes after the conversation's head. */
export function requestBody(conversation: Conversation): object {
  const { settings } = conversation
  const tools = toolsOf(settings)
  return {
    ...(settings.model !== null && { model: settings.model }),
    messages: turns(thread(conversation), settings.system),
    ...(settings.temperature !== null && { temperature: settings.temperature }),
    ...(settings.topP !== null && { top_p: settings.topP }),
    ...(settings.maxTokens !== null && { max_tokens: settings.maxTokens }),
    ...(settings.seed !== null && { seed: settings.seed }),
    ...(tools.length > 0 && { tools }),
    stream: true,
    stream_options: { include_usage: true },
  }
}

/**
 * What a model is told of a conversation. Answers that were cut off count as what was written of them, empty ones not at all; a call counts
 * if it is whole and was answered. User and assistant take turns, whatever is left out: chat templates refuse anything else.
 */
export function turns(messages: readonly Message[], system: string): Turn[] {
  const said = messages.flatMap((message, index) => turnsOf(message, messages.slice(index + 1)))
  const told: Turn[] = system.trim() === '' ? [] : [{ role: 'system', content: system }]
  for (const turn of said) {
    const before = told.at(-1)
    if (turn.role === 'assistant' && (!before || before.role === 'system')) continue
    const isSame =
      before?.role === turn.role && turn.role !== 'tool' && !before.tool_calls && !turn.tool_calls
    if (isSame) before.content = `${before.content ?? ''}\n\n${turn.content ?? ''}`
    else told.push(turn)
  }
  return told
}

function turnsOf(message: Message, after: readonly Message[]): Turn[] {
  if (message.role === 'user') return [{ role: 'user', content: message.content }]
  if (message.role === 'tool') return [] // beside its call
  const answers = answersTo(message, after)
  const calls = message.calls.filter(({ id }) => answers.some(({ callId }) => callId === id))
  if (calls.length === 0) {
    return message.content.trim() === '' ? [] : [{ role: 'assistant', content: message.content }]
  }
  const tool_calls = calls.map(({ id, name, arguments: json }) => ({
    id,
    type: 'function' as const,
    function: { name, arguments: json },
  }))
  return [
    { role: 'assistant', content: message.content === '' ? null : message.content, tool_calls },
    ...answers.map(({ content, callId }): Turn => ({ role: 'tool', content, tool_call_id: callId })),
  ]
}

/** The tools' answers that follow it at once. */
function answersTo({ calls }: AssistantMessage, after: readonly Message[]): ToolMessage[] {
  const end = after.findIndex(({ role }) => role !== 'tool')
  const following = (end < 0 ? after : after.slice(0, end)) as readonly ToolMessage[]
  return following.filter(({ callId }) =>
    calls.some(({ id, arguments: json }) => id === callId && isObject(json)),
  )
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

/** The tools of the settings; none where they are not a list. */
export function toolsOf({ tools }: Settings): unknown[] {
  if (tools.trim() === '') return []
  try {
    const list: unknown = JSON.parse(tools)
    return Array.isArray(list) ? list : []
  } catch {
    return []
  }
}
