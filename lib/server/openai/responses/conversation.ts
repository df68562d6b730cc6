import type { ChatMessage, Model } from '../../../index.js'
import { innerId } from '../../tool-call-ids.js'
import { toolsOf } from '../chat-tools.js'
import { effortVariables } from '../reasoning-effort.js'
import type { InputItem, InputParts } from './items.js'
import type { ResponsesRequest } from './responses-body.js'

/** Items as messages of this library: what an assistant thinks, says and calls in a row is one of them. */
export function messagesOf(
  input: string | readonly InputItem[],
  before: readonly ChatMessage[] = [],
): ChatMessage[] {
  if (typeof input === 'string') return [...before, { role: 'user', content: input }]
  const said = before.map((message) => ({ ...message }))
  const names = new Map<string, string>() // of the functions that were called, by the calls' ids
  for (const { tool_calls } of said) {
    for (const call of tool_calls ?? []) names.set(call.id ?? '', call.function.name)
  }
  for (const item of input) add(item, said, names)
  return said
}

function add(item: InputItem, said: ChatMessage[], names: Map<string, string>): void {
  if (item.type === 'function_call_output') {
    const id = innerId(item.call_id)
    const name = names.get(id)
    const content = textOf(item.output)
    said.push({ role: 'tool', tool_call_id: id, ...(name !== undefined && { name }), content })
  } else if (item.type === 'function_call') {
    const id = innerId(item.call_id)
    names.set(id, item.name)
    const message = assistant(said)
    const call = { id, type: 'function' as const, function: { name: item.name, arguments: item.arguments } }
    message.tool_calls = [...(message.tool_calls ?? []), call]
  } else if (item.type === 'reasoning') {
    const thoughts = (item.content ?? []).map(({ text }) => text).join('')
    if (thoughts !== '') assistant(said).reasoning_content = thoughts
  } else if (item.role === 'assistant') {
    const message = assistant(said)
    message.content = `${message.content}${textOf(item.content)}`
  } else said.push({ role: item.role, content: textOf(item.content) })
}

/** The assistant's message that is being said. */
function assistant(said: ChatMessage[]): ChatMessage {
  const last = said.at(-1)
  if (last?.role === 'assistant') return last
  const message: ChatMessage = { role: 'assistant', content: '' }
  said.push(message)
  return message
}

function textOf(content: string | InputParts): string {
  if (typeof content === 'string') return content
  return content.map((part) => ('text' in part ? part.text : '')).join('')
}

/** What is said of too long an input; where nothing is, the model's own way counts. */
const overflowOf = { auto: 'truncate', disabled: 'error', unsaid: undefined } as const

/** What the model is asked with, beside its messages. */
export function promptOptions({ tools, tool_choice, reasoning, truncation }: ResponsesRequest, model: Model) {
  const functions = tools?.map((tool) => ({ type: tool.type, function: tool }))
  return {
    tools: tool_choice === 'none' || functions === undefined ? undefined : toolsOf(functions),
    templateVariables: effortVariables(reasoning?.effort, model, 'reasoning.effort'),
    contextOverflow: overflowOf[truncation ?? 'unsaid'],
  }
}
