import { useLayoutEffect, useState } from 'preact/hooks'

/** A value that is replaced, never changed, and whoever watches it is told. */
export class Store<T> {
  #value: T
  readonly #watchers = new Set<(value: T) => void>()

  constructor(value: T) {
    this.#value = value
  }

  get(): T {
    return this.#value
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const watcher of [...this.#watchers]) watcher(value)
  }

  /** Returns what ends it. */
  watch(watcher: (value: T) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }
}

/** The store's value in a component, which is drawn anew when it is replaced. */
export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useState<object>()
  useLayoutEffect(() => store.watch(() => redraw({})), [store])
  return store.get()
}
