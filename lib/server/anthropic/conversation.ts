import type { ChatMessage, MessageToolCall, TextPart, ToolDefinition } from '../../index.js'
import { innerId } from '../tool-call-ids.js'
import type { AssistantContent, UserContent } from './blocks.js'
import type { ConversationRequest } from './messages-body.js'

/** A request's conversation, in this library's words. */
export interface Conversation {
  messages: ChatMessage[]
  tools: ToolDefinition[] | undefined
  templateVariables: Record<string, unknown> | undefined
  /** The last message is the beginning of the answer. */
  continueFinalMessage: boolean
}

/** Turns that follow each other and have the same speaker are one, as the API has it. */
export function conversationOf({
  system,
  messages,
  tools,
  tool_choice,
  thinking,
}: ConversationRequest): Conversation {
  const names = new Map<string, string>() // of the tools that were called, by the calls' ids
  const said: ChatMessage[] = []
  for (const { role, content } of messages) {
    const turn = role === 'user' ? userMessages(content, names) : [assistantMessage(content, names)]
    for (const message of turn) say(said, message)
  }
  return {
    messages: system === undefined ? said : [{ role: 'system', content: textOf(system) }, ...said],
    tools: tool_choice?.type === 'none' ? undefined : tools?.map(toolDefinition),
    templateVariables: thinking && { enable_thinking: thinking.type !== 'disabled' },
    continueFinalMessage: messages.at(-1)?.role === 'assistant',
  }
}

/** What the tools answered, and what the user says to it, in their order. */
function userMessages(content: UserContent, names: ReadonlyMap<string, string>): ChatMessage[] {
  if (typeof content === 'string') return [{ role: 'user', content }]
  return content.flatMap((block): ChatMessage[] => {
    if (block.type === 'text') return [{ role: 'user', content: [part(block)] }]
    if (block.type !== 'tool_result') return []
    const name = names.get(block.tool_use_id)
    return [
      {
        role: 'tool',
        tool_call_id: innerId(block.tool_use_id),
        ...(name !== undefined && { name }),
        content: textOf(block.content ?? ''),
      },
    ]
  })
}

function assistantMessage(content: AssistantContent, names: Map<string, string>): ChatMessage {
  if (typeof content === 'string') return { role: 'assistant', content }
  const calls: MessageToolCall[] = []
  let thoughts = ''
  for (const block of content) {
    if (block.type === 'thinking') thoughts += block.thinking
    if (block.type !== 'tool_use') continue
    names.set(block.id, block.name)
    const { name, input } = block
    calls.push({ id: innerId(block.id), type: 'function', function: { name, arguments: input } })
  }
  return {
    role: 'assistant',
    content: textOf(content),
    ...(thoughts !== '' && { reasoning_content: thoughts }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
}

/** Adds a message, to the one before it where both have one speaker. */
function say(said: ChatMessage[], message: ChatMessage): void {
  const last = said.at(-1)
  if (last?.role !== message.role || message.role === 'tool') said.push(message)
  else if (message.role === 'user') last.content = partsOf(last.content, message.content)
  else {
    last.content = `${last.content}${message.content}`
    last.reasoning_content = (last.reasoning_content ?? '') + (message.reasoning_content ?? '') || undefined
    const calls = [...(last.tool_calls ?? []), ...(message.tool_calls ?? [])]
    if (calls.length > 0) last.tool_calls = calls
  }
}

/** The parts of both, in the list of the first where it has one: a turn may be made of thousands of messages. */
function partsOf(first: ChatMessage['content'], second: ChatMessage['content']): TextPart[] {
  const parts = typeof first === 'string' ? [part({ text: first })] : ((first ?? []) as TextPart[])
  parts.push(...(typeof second === 'string' ? [part({ text: second })] : (second ?? [])))
  return parts
}

function part({ text }: { text: string }): TextPart {
  return { type: 'text', text }
}

/** The text blocks of a content, one after the other. */
function textOf(content: string | readonly { type: string; text?: unknown }[]): string {
  if (typeof content === 'string') return content
  return content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

function toolDefinition({
  name,
  description,
  input_schema,
}: NonNullable<ConversationRequest['tools']>[number]): ToolDefinition {
  return { name, ...(description !== undefined && { description }), parameters: input_schema }
}
