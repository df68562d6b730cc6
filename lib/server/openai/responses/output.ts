import type { OutputEvent } from '../../../index.js'
import { newId } from '../../new-id.js'
import { outerId } from '../../tool-call-ids.js'
import type { OutputItem } from './items.js'

/** An event of the API, but for its number in the stream. */
export interface EventData {
  type: string
  [member: string]: unknown
}

type TextKind = 'text-delta' | 'reasoning-delta'

/** What the two kinds of text are called. */
const textNames = {
  'text-delta': { part: 'output_text', event: 'response.output_text' },
  'reasoning-delta': { part: 'reasoning_text', event: 'response.reasoning_text' },
} as const

/** The output of a generation as items, and the events that tell how they grow. */
export class Output {
  readonly items: OutputItem[] = []
  #open: TextKind | undefined
  #text = ''

  /** What comes of a piece of the answer. */
  next(event: OutputEvent): EventData[] {
    if (event.type === 'tokens') return []
    if (event.type === 'tool-call') {
      const { id, name, arguments: json } = event
      return [...this.end(), ...this.#call(outerId('call_', id), name, json)]
    }
    const begin = this.#open === event.type ? [] : [...this.end(), ...this.#begin(event.type)]
    this.#text += event.text
    const { event: name } = textNames[event.type]
    return [...begin, { type: `${name}.delta`, ...this.#place, delta: event.text, ...logprobs(event.type) }]
  }

  /** Nothing more comes of the item that is open. */
  end(status: OutputItem['status'] = 'completed'): EventData[] {
    const kind = this.#open
    if (kind === undefined) return []
    this.#open = undefined
    const item = this.#item(kind, this.#text, status)
    this.items[this.items.length - 1] = item
    const text = this.#text
    return [
      { type: `${textNames[kind].event}.done`, ...this.#place, text, ...logprobs(kind) },
      { type: 'response.content_part.done', ...this.#place, part: part(kind, text) },
      { type: 'response.output_item.done', output_index: this.#index, item },
    ]
  }

  get #index(): number {
    return this.items.length - 1
  }

  /** Where the text is that is being written. */
  get #place() {
    return { item_id: this.items.at(-1)?.id, output_index: this.#index, content_index: 0 }
  }

  #begin(kind: TextKind): EventData[] {
    this.#open = kind
    this.#text = ''
    this.items.push({ ...this.#item(kind, '', 'in_progress', newId(kind === 'text-delta' ? 'msg' : 'rs')) })
    const item = { ...this.items.at(-1), content: [] }
    return [
      { type: 'response.output_item.added', output_index: this.#index, item },
      { type: 'response.content_part.added', ...this.#place, part: part(kind, '') },
    ]
  }

  #item(
    kind: TextKind,
    text: string,
    status: OutputItem['status'],
    id = this.items.at(-1)?.id ?? '',
  ): OutputItem {
    return kind === 'text-delta'
      ? { type: 'message', id, role: 'assistant', status, content: [outputText(text)] }
      : { type: 'reasoning', id, status, summary: [], content: [{ type: 'reasoning_text', text }] }
  }

  #call(callId: string, name: string, json: string): EventData[] {
    const id = newId('fc')
    const item = {
      type: 'function_call',
      id,
      status: 'completed',
      call_id: callId,
      name,
      arguments: json,
    } as const
    this.items.push(item)
    const place = { item_id: id, output_index: this.#index }
    const { output_index } = place
    const added = { ...item, status: 'in_progress', arguments: '' }
    return [
      { type: 'response.output_item.added', output_index, item: added },
      { type: 'response.function_call_arguments.delta', ...place, delta: json },
      { type: 'response.function_call_arguments.done', ...place, name, arguments: json },
      { type: 'response.output_item.done', output_index, item },
    ]
  }
}

function part(kind: TextKind, text: string) {
  return kind === 'text-delta' ? outputText(text) : { type: textNames[kind].part, text }
}

function outputText(text: string) {
  return { type: 'output_text' as const, text, annotations: [], logprobs: [] }
}

/** Events of text have a place for them, those of thoughts have none. */
function logprobs(kind: TextKind) {
  return kind === 'text-delta' ? { logprobs: [] } : {}
}
