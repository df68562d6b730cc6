// The golden conversations: what a record holds, and the special tokens that each template was rendered with.
import { expect } from 'vitest'
import type { ChatTemplate } from '../../lib/chat/chat-template.js'
import type { ChatMessage } from '../../lib/chat/messages.js'
import { QuernError } from '../../lib/errors.js'

export interface ChatRecord {
  id: string
  messages: ChatMessage[]
  tools: object[] | null
  add_generation_prompt: boolean
  continue_final_message: boolean
  kwargs: Record<string, unknown>
  rendered?: string
  ids?: number[] | null
  error?: { kind: 'raised' | 'template' | 'request'; message: string }
  /** JSON.parse loses what the text depends on: 1.0, long integers, keys like "10". */
  js_lossy?: boolean
  python_repr?: boolean
}

const qwen = { eos_token: '<|im_end|>', pad_token: '<|endoftext|>' }
const llama3 = { bos_token: '<|begin_of_text|>', eos_token: '<|eot_id|>' }
const mistral = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' }
const phi = { bos_token: '<s>', eos_token: '<|endoftext|>', unk_token: '<unk>', pad_token: '<|endoftext|>' }

/** The templates and their special tokens. */
export const templates: Record<string, Record<string, string>> = {
  'qwen3-2507-instruct': qwen,
  'qwen3-2507-thinking': qwen,
  'qwen3-2504': qwen,
  llama3,
  'llama3-first-upload': { ...llama3, eos_token: '<|end_of_text|>' },
  'llama3.1': llama3,
  'llama3.2': llama3,
  'mistral-instruct-v0.1': mistral,
  'mistral-instruct-v0.3': mistral,
  'phi3-mini': phi,
  'phi3.5-mini': phi,
  'phi3-v': phi,
  smollm2: {
    bos_token: '<|im_start|>',
    eos_token: '<|im_end|>',
    unk_token: '<|endoftext|>',
    pad_token: '<|im_end|>',
  },
}

/** What `strftime_now` saw when the records were made, local time. */
const now = new Date(2025, 2, 4, 5, 6, 7)

export function renderRecord(template: ChatTemplate, record: ChatRecord): string {
  return template.render(record.messages, {
    tools: record.tools,
    addGenerationPrompt: record.add_generation_prompt,
    continueFinalMessage: record.continue_final_message,
    now,
    ...record.kwargs,
  })
}

/** Fails where a record renders to something else, or to no error where it should. */
export function expectRecord(template: ChatTemplate, record: ChatRecord): void {
  if (record.error === undefined) {
    expect(renderRecord(template, record), record.id).toBe(record.rendered)
    return
  }
  let error: unknown
  try {
    renderRecord(template, record)
  } catch (caught) {
    error = caught
  }
  expect(error, `${record.id}: ${record.error.message}`).toBeInstanceOf(QuernError)
  const { code, message } = error as QuernError
  expect(code, record.id).toBe(record.error.kind === 'request' ? 'invalid_input' : 'template_error')
  if (record.error.kind === 'raised') expect(message, record.id).toBe(record.error.message)
}
