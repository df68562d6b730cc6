import { overtaken } from '../conversation/merged.ts'
import type { Conversation, Message } from '../conversation/types.ts'
import { Store } from './store.ts'

/** What keeps conversations beyond the page's life. */
export interface Keeper {
  all(): Promise<Conversation[]>
  get(id: string): Promise<Conversation | undefined>
  put(conversation: Conversation): Promise<void>
  delete(id: string): Promise<void>
  /** Calls back with each conversation that another tab has changed or deleted. */
  watch(changed: (id: string) => void): void
}

/** All conversations, in memory and kept. */
export class Conversations {
  readonly list = new Store<readonly Conversation[]>([])
  /** Whether they are only here, since the browser keeps nothing: a private window, or a full disk. */
  readonly isUnkept = new Store(false)
  readonly #keeper: Keeper

  constructor(keeper: Keeper) {
    this.#keeper = keeper
    keeper.watch((id) => void this.#follow(id).catch(() => {})) // what cannot be read is not kept, which is told elsewhere
  }

  /** Takes in what was kept. A reply that was being written when its page ended was stopped by that. */
  async load(): Promise<void> {
    try {
      const kept = (await this.#keeper.all()).map((one) => ({ ...one, messages: one.messages.map(settled) }))
      const here = this.list.get()
      this.list.set([...here, ...kept.filter(({ id }) => !here.some((one) => one.id === id))])
    } catch {
      this.isUnkept.set(true)
    }
  }

  get(id: string | null): Conversation | undefined {
    return this.list.get().find((one) => one.id === id)
  }

  /** Takes one in, or in the place of what it was. */
  put(conversation: Conversation): void {
    const others = this.list.get().filter(({ id }) => id !== conversation.id)
    this.list.set([conversation, ...others])
    this.#keep(this.#keeper.put(conversation))
  }

  /** Changes one that is there. */
  update(id: string, change: (conversation: Conversation) => Conversation): void {
    const conversation = this.get(id)
    if (conversation) this.put(change(conversation))
  }

  delete(id: string): void {
    this.list.set(this.list.get().filter((one) => one.id !== id))
    this.#keep(this.#keeper.delete(id))
  }

  /** Takes over what another tab has done. */
  async #follow(id: string): Promise<void> {
    const theirs = await this.#keeper.get(id)
    const list = this.list.get()
    if (theirs === undefined) return this.list.set(list.filter((one) => one.id !== id))
    const ours = this.get(id)
    if (ours === undefined) return this.list.set([theirs, ...list])
    this.list.set(list.map((one) => (one.id === id ? overtaken(ours, theirs) : one)))
  }

  #keep(kept: Promise<void>): void {
    kept.catch(() => this.isUnkept.set(true))
  }
}

function settled(message: Message): Message {
  return message.role === 'assistant' && message.end === 'writing' ? { ...message, end: 'stopped' } : message
}
