import type { GenerationEvent } from '../../index.js'
import { endingOf } from './answer.js'
import type { StreamPart } from './spec.js'

/** A stretch of text or of reasoning. */
interface Block {
  kind: 'text' | 'reasoning'
  id: string
}

/** Tells the events of one generation as the parts of a stream: what belongs together lies between a start and an end. */
export class PartTeller {
  #open: Block | undefined
  #blocks = 0

  parts(event: GenerationEvent): StreamPart[] {
    switch (event.type) {
      case 'text-delta':
        return this.#delta('text', event.text)
      case 'reasoning-delta':
        return this.#delta('reasoning', event.text)
      case 'tool-call': {
        const { id, name: toolName, arguments: input } = event
        return [
          ...this.close(),
          { type: 'tool-input-start', id, toolName },
          { type: 'tool-input-delta', id, delta: input },
          { type: 'tool-input-end', id },
          { type: 'tool-call', toolCallId: id, toolName, input },
        ]
      }
      case 'stream-end':
        return [...this.close(), { type: 'finish', ...endingOf(event) }]
      case 'tokens':
        return []
    }
  }

  /** Ends what is open. */
  close(): StreamPart[] {
    const open = this.#open
    this.#open = undefined
    return open ? [{ type: `${open.kind}-end`, id: open.id }] : []
  }

  #delta(kind: Block['kind'], delta: string): StreamPart[] {
    if (this.#open?.kind === kind) return [{ type: `${kind}-delta`, id: this.#open.id, delta }]
    const ended = this.close()
    const id = `${kind}-${this.#blocks++}`
    this.#open = { kind, id }
    return [...ended, { type: `${kind}-start`, id }, { type: `${kind}-delta`, id, delta }]
  }
}
