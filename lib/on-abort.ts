import { addAbortListener } from 'node:events'

interface Waiting {
  callbacks: Set<() => void>
  unlisten: () => void
}

const waiting = new WeakMap<AbortSignal, Waiting>()

/**
 * Calls back when the signal is aborted; gives what ends that. However many wait for a signal, it has one listener: Node warns of a leak from
 * eleven on, and one signal may well be shared by more requests. Other listeners cannot keep the abort from it by stopImmediatePropagation().
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, unlisten } = waiting.get(signal) ?? listen(signal)
  callbacks.add(callback)
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return
    unlisten()
    waiting.delete(signal)
  }
}

function listen(signal: AbortSignal): Waiting {
  const callbacks = new Set<() => void>()
  const listener = addAbortListener(signal, () => {
    for (const callback of [...callbacks]) callback()
  })
  const entry = { callbacks, unlisten: () => listener[Symbol.dispose]() }
  waiting.set(signal, entry)
  return entry
}
