import type { Conversation } from '../conversation/types.ts'

const name = 'quern'
const table = 'conversations'

/** Where conversations are kept: IndexedDB, in this browser and nowhere else. */
export class Database {
  readonly #opened: Promise<IDBDatabase>

  constructor() {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(table, { keyPath: 'id' })
    this.#opened = done(request)
  }

  async all(): Promise<Conversation[]> {
    return done((await this.#table('readonly')).getAll() as IDBRequest<Conversation[]>)
  }

  async put(conversation: Conversation): Promise<void> {
    await done((await this.#table('readwrite')).put(conversation))
  }

  async delete(id: string): Promise<void> {
    await done((await this.#table('readwrite')).delete(id))
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
