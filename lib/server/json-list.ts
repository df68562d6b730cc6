import { setImmediate } from 'node:timers/promises'

/** Milliseconds after which whatever else waits for the event loop has its turn. */
const longestTurn = 4

/** A list as JSON. One of millions is written in many turns of the event loop. */
export async function jsonList<Item>(items: Iterable<Item>, told: (item: Item) => unknown): Promise<string> {
  const parts: string[] = []
  let part: string[] = []
  let began = performance.now()
  for (const item of items) {
    part.push(JSON.stringify(told(item)))
    if (performance.now() - began < longestTurn) continue
    parts.push(part.join())
    part = []
    await setImmediate()
    began = performance.now()
  }
  if (part.length > 0) parts.push(part.join())
  return `[${parts.join()}]`
}
