import { randomBytes } from 'node:crypto'
import { ReasoningParser } from './reasoning.js'
import type { ToolCallEvent } from './reply-content.js'
import { type ToolCallFormat, ToolCallParser } from './tool-call-parser.js'

/** What may be found in a reply. */
export interface ReplyShape {
  /** 'open': the prompt ends within it. */
  reasoning: 'none' | 'possible' | 'open'
  /** Absent: no tools were offered, so nothing is a call. */
  toolCalls?: ToolCallFormat | undefined
  /** The names of those that were. */
  toolNames?: readonly string[] | undefined
}

type ReplyEvent =
  | { type: 'text-delta' | 'reasoning-delta'; text: string }
  | { type: 'tool-call'; id: string; name: string; arguments: string }

/** Reads a model's reply while it comes: what it thinks, what it says, which tools it calls. */
export class ChatReplyReader {
  readonly #reasoning: ReasoningParser | undefined
  readonly #toolCalls: ToolCallParser | undefined

  constructor({ reasoning, toolCalls, toolNames }: ReplyShape) {
    if (reasoning !== 'none') this.#reasoning = new ReasoningParser(reasoning === 'open')
    if (toolCalls !== undefined) this.#toolCalls = new ToolCallParser(toolCalls, { toolNames })
  }

  push(text: string): ReplyEvent[] {
    const events = this.#reasoning?.push(text) ?? [{ type: 'text-delta' as const, text }]
    return events.flatMap((event) => this.#read(event))
  }

  end(): ReplyEvent[] {
    const events = (this.#reasoning?.end() ?? []).flatMap((event) => this.#read(event))
    return [...events, ...(this.#toolCalls?.end().events ?? []).map(withId)]
  }

  #read(event: { type: 'text-delta' | 'reasoning-delta'; text: string }): ReplyEvent[] {
    if (event.text === '') return []
    if (event.type === 'reasoning-delta' || this.#toolCalls === undefined) return [event]
    return this.#toolCalls.push(event.text).map(withId)
  }
}

/** Models that give their calls no ids get them here, in the form that the strictest template wants: nine letters and digits. */
function withId(event: ToolCallEvent): ReplyEvent {
  if (event.type === 'text-delta') return event
  return { ...event, id: event.id ?? randomBytes(8).toString('hex').slice(0, 9) }
}
