/** Streams that are written to in one turn of the event loop: a writing costs some 30 µs, and a step of a large batch has one for each. */
const perTurn = 16

const waiting: (() => void)[] = []

/** Calls back soon, so that whatever else waits for the event loop has its turn between a few of the callbacks. */
export function inWriteTurn(write: () => void): void {
  if (waiting.push(write) === 1) setImmediate(runTurn)
}

function runTurn(): void {
  for (const write of waiting.splice(0, perTurn)) write()
  if (waiting.length > 0) setImmediate(runTurn)
}
