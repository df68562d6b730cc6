import type { Generation, OutputEvent } from '../../index.js'
import type { Call } from '../call.js'
import type { ServerSentEvent } from '../event-stream.js'
import { emptyMessage, ending, toolUse, usageBody } from './message.js'

/**
 * An answer as events: each block of its content begins, grows and stops before the next begins. The first comes when something of the answer
 * is there, so that what is wrong with the request is told before anything is.
 */
export async function* messageEvents(
  generation: Generation,
  { model, promptTokens }: { model: string; promptTokens: Promise<number> },
  call: Call,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const blocks = new Blocks()
  let isStarted = false
  for await (const event of generation.events()) {
    if (!isStarted) {
      yield named({ type: 'message_start', message: emptyMessage(model, await promptTokens) })
      yield named({ type: 'ping' })
      isStarted = true
    }
    if (event.type !== 'stream-end') {
      yield* blocks.next(event).map(named)
      continue
    }
    call.completed(event)
    yield* blocks.stop().map(named)
    yield named({ type: 'message_delta', delta: ending(event), usage: usageBody(event.usage) })
  }
  yield named({ type: 'message_stop' })
}

interface EventData {
  type: string
  [member: string]: unknown
}

/** The events of blocks. */
class Blocks {
  #index = -1
  #open: OutputEvent['type'] | undefined

  /** What comes of a piece of the answer. */
  next(event: OutputEvent): EventData[] {
    if (event.type === 'tokens') return []
    if (event.type === 'tool-call')
      return [...this.#start(event.type, toolUse(event)), this.#delta('input_json_delta', event.arguments)]
    const isText = event.type === 'text-delta'
    const begin = isText
      ? { type: 'text', text: '', citations: null }
      : { type: 'thinking', thinking: '', signature: '' }
    const start = this.#open === event.type ? [] : this.#start(event.type, begin)
    return [...start, this.#delta(isText ? 'text_delta' : 'thinking_delta', event.text)]
  }

  stop(): EventData[] {
    if (this.#open === undefined) return []
    this.#open = undefined
    return [{ type: 'content_block_stop', ...this.#place }]
  }

  get #place() {
    return { index: this.#index }
  }

  #start(kind: OutputEvent['type'], block: object): EventData[] {
    const stopped = this.stop()
    this.#open = kind
    this.#index++
    return [...stopped, { type: 'content_block_start', ...this.#place, content_block: block }]
  }

  #delta(type: keyof typeof deltaMembers, text: string): EventData {
    return { type: 'content_block_delta', ...this.#place, delta: { type, [deltaMembers[type]]: text } }
  }
}

const deltaMembers = {
  text_delta: 'text',
  thinking_delta: 'thinking',
  input_json_delta: 'partial_json',
} as const

/** An event is called what its data says it is. */
function named(data: EventData): ServerSentEvent {
  return { event: data.type, data }
}
