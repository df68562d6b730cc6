import type { ChatTemplate } from './chat-template.js'
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

/** What kind of reasoning a reply to `prompt` may hold. `prompt` is what the template rendered. */
export function reasoningOf({ source }: ChatTemplate, prompt: string): ReplyShape['reasoning'] {
  if (!source.includes('</think>')) return 'none'
  return prompt.trimEnd().endsWith('<think>') ? 'open' : 'possible'
}
