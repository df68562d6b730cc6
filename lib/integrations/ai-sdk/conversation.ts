import type { ChatMessage, MessageToolCall } from '../../index.js'
import { unsupported } from './sdk-errors.js'
import type { AssistantPart, Message, ToolCallPart, ToolOutput, ToolResultPart } from './spec.js'

const textAlone = 'text alone is read'

/** A prompt of the AI SDK as a conversation. */
export function conversationOf(prompt: readonly Message[]): ChatMessage[] {
  return prompt.flatMap((message): ChatMessage[] => {
    if (message.role === 'system') return [{ role: 'system', content: message.content }]
    if (message.role === 'user') return [{ role: 'user', content: message.content.map(textOf).join('') }]
    if (message.role === 'assistant') return [assistantMessage(message.content)]
    // Approvals are for tools that a provider runs, and here the program runs them all.
    return message.content.filter((part) => part.type === 'tool-result').map(toolMessage)
  })
}

function textOf(part: { type: 'text'; text: string } | { type: 'file'; mediaType: string }): string {
  if (part.type === 'text') return part.text
  throw unsupported(`a file part of the type ${part.mediaType}`, textAlone)
}

function assistantMessage(parts: readonly AssistantPart[]): ChatMessage {
  let text = ''
  let reasoning = ''
  const calls: MessageToolCall[] = []
  for (const part of parts) {
    if (part.type === 'text') text += part.text
    else if (part.type === 'reasoning') reasoning += part.text
    else if (part.type === 'tool-call') calls.push(toolCall(part))
    else throw unsupported(`a part of the type ${part.type} in an assistant's message`, textAlone)
  }
  return {
    role: 'assistant',
    content: text,
    reasoning_content: reasoning === '' ? undefined : reasoning,
    tool_calls: calls.length === 0 ? undefined : calls,
  }
}

function toolCall({
  toolCallId: id,
  toolName: name,
  input,
  providerExecuted,
}: ToolCallPart): MessageToolCall {
  if (providerExecuted) throw unsupported(`the call of ${name} that a provider ran`, 'the program runs tools')
  return {
    id,
    type: 'function',
    function: { name, arguments: typeof input === 'string' ? input : JSON.stringify(input) },
  }
}

function toolMessage({ toolCallId, toolName, output }: ToolResultPart): ChatMessage {
  return { role: 'tool', tool_call_id: toolCallId, name: toolName, content: outputText(output, toolName) }
}

function outputText(output: ToolOutput, tool: string): string {
  switch (output.type) {
    case 'text':
    case 'error-text':
      return output.value
    case 'json':
    case 'error-json':
      return JSON.stringify(output.value)
    case 'execution-denied':
      return output.reason ?? 'The tool was not allowed to run.'
    case 'content':
      return output.value
        .map((part) => {
          if (part.type === 'text' && 'text' in part) return part.text
          throw unsupported(`a part of the type ${part.type} in the answer of ${tool}`, textAlone)
        })
        .join('')
  }
}
