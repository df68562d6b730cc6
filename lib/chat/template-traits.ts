import type { ChatTemplate } from './chat-template.js'
import type { ChatMessage } from './messages.js'
import type { ReplyShape } from './reply-reader.js'
import type { ToolCallFormat } from './tool-call-parser.js'

/** How a model with this template writes its tool calls; undefined where the template knows no tools. */
export function toolCallFormat({ source }: ChatTemplate): ToolCallFormat | undefined {
  if (!/\btools\b/.test(source)) return undefined
  if (source.includes('<tool_call>')) return 'hermes'
  if (source.includes('[TOOL_CALLS]')) return 'mistral'
  if (/<\|python_tag\|>|"parameters":|Environment: ipython/.test(source)) return 'llama3-json'
  return undefined
}

/**
 * What kind of reasoning a reply to `prompt` may hold. `prompt` is what the template rendered; `continued` the message that the reply goes on
 * with, if it does.
 */
export function reasoningOf(
  { source }: ChatTemplate,
  prompt: string,
  continued?: ChatMessage,
): ReplyShape['reasoning'] {
  if (!source.includes('</think>')) return 'none'
  if (continued !== undefined) {
    const text = JSON.stringify(continued.content)
    return text.lastIndexOf('<think>') > text.lastIndexOf('</think>') ? 'open' : 'possible'
  }
  return prompt.trimEnd().endsWith('<think>') ? 'open' : 'possible'
}
