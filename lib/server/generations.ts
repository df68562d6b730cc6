import type { Generation, GenerationEvent, GenerationResult } from '../index.js'
import type { Call } from './call.js'

/** What comes of several generations, as it comes; `index` says of which. Whoever leaves it, or a failure of one, ends them all. */
export async function* interleaved(
  generations: readonly Generation[],
  call: Call,
): AsyncGenerator<{ index: number; event: GenerationEvent }, void, undefined> {
  const events = generations.map((generation) => generation.events())
  const arrived: { index: number; next: IteratorResult<GenerationEvent, void> }[] = []
  let failure: { error: unknown } | undefined
  let wake = () => {}
  const ask = (index: number) => {
    events[index]
      ?.next()
      .then(
        (next) => arrived.push({ index, next }),
        (error) => {
          failure ??= { error }
        },
      )
      .finally(() => wake())
  }
  for (const index of events.keys()) ask(index)
  let running = events.length
  try {
    while (running > 0) {
      const first = arrived.shift()
      if (first === undefined) {
        if (failure) throw failure.error
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      } else if (first.next.done) running--
      else {
        if (first.next.value.type === 'stream-end') call.completed(first.next.value)
        yield { index: first.index, event: first.next.value }
        ask(first.index)
      }
    }
  } finally {
    cancelAll(generations)
  }
}

/** All that several generations give. A failure of one ends them all. */
export async function allResults(
  generations: readonly Generation[],
  call: Call,
): Promise<GenerationResult[]> {
  try {
    return await Promise.all(
      generations.map(async (generation) => {
        const result = await generation.result()
        call.completed(result)
        return result
      }),
    )
  } finally {
    cancelAll(generations)
  }
}

/** Does nothing to those that have ended. */
function cancelAll(generations: readonly Generation[]): void {
  for (const generation of generations) generation.cancel()
}
