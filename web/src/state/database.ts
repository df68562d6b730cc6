import { merged } from '../conversation/merged.ts'
import type { Conversation } from '../conversation/types.ts'

const name = 'quern'
const table = 'conversations'

/** Where conversations are kept: IndexedDB, in this browser and nowhere else. The tabs that show the page have it together. */
export class Database {
  readonly #opened: Promise<IDBDatabase>
  readonly #tabs = new BroadcastChannel(name)

  constructor() {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(table, { keyPath: 'id' })
    this.#opened = done(request)
  }

  async all(): Promise<Conversation[]> {
    return done((await this.#table('readonly')).getAll() as IDBRequest<Conversation[]>)
  }

  async get(id: string): Promise<Conversation | undefined> {
    return done((await this.#table('readonly')).get(id) as IDBRequest<Conversation | undefined>)
  }

  /** Messages that another tab has added stay. */
  async put(conversation: Conversation): Promise<void> {
    const table = await this.#table('readwrite')
    const kept = await done(table.get(conversation.id) as IDBRequest<Conversation | undefined>)
    await done(table.put(merged(conversation, kept)))
    this.#tabs.postMessage(conversation.id)
  }

  async delete(id: string): Promise<void> {
    await done((await this.#table('readwrite')).delete(id))
    this.#tabs.postMessage(id)
  }

  /** Calls back with each conversation that another tab has changed or deleted. */
  watch(changed: (id: string) => void): void {
    this.#tabs.onmessage = ({ data }) => changed(String(data))
  }

  async #table(mode: IDBTransactionMode): Promise<IDBObjectStore> {
    return (await this.#opened).transaction(table, mode).objectStore(table)
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
