import { onAbort } from '../on-abort.js'

/** A load that asks a GPU for room, or takes it: the one of that number, or any. */
interface Turn {
  gpu: number | 'any'
  ended: Promise<void>
}

/** Of this process, those that wait among them. */
const turns = new Set<Turn>()

/**
 * Does what asks a GPU for room and takes it once those that came before and may take room of the same GPU are through: what they took can be
 * seen then. It waits for those alone that came before, so that all get their turn.
 *
 * @throws the signal's reason, where it is aborted before the turn comes.
 */
export async function inGpuTurn<T>(
  gpu: number | 'any',
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const before = [...turns].filter((turn) => gpu === 'any' || turn.gpu === 'any' || turn.gpu === gpu)
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const turn = { gpu, ended }
  turns.add(turn)
  try {
    await allEnded(before, signal)
    signal?.throwIfAborted()
    return await work()
  } finally {
    turns.delete(turn)
    end()
  }
}

/** Or the abort, if that comes first. */
async function allEnded(before: readonly Turn[], signal: AbortSignal | undefined): Promise<void> {
  if (before.length === 0) return
  let unlisten: (() => void) | undefined
  await new Promise<void>((resolve) => {
    unlisten = signal && onAbort(signal, resolve)
    Promise.all(before.map(({ ended }) => ended)).then(() => resolve())
  })
  unlisten?.()
}
