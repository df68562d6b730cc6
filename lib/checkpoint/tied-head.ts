import { type OpenFile, readExactly, withFile } from '../files/read-file.js'
import { type ModelPlan, type PlannedWeight, weightBytes } from './plan.js'
import type { PlannedModel } from './plan-model.js'

/** Compared at a time, of each matrix. */
const pieceBytes = 4 * 1024 * 1024

/**
 * The plan of a folder whose config.json ties the output matrix to the embedding: tied unless a matrix of other values is stored, as in
 * checkpoints that were saved with the wrong config. That one is used then, as transformers does, and the caller is told.
 *
 * @throws {QuernError} `missing_file`, `read_error`, `truncated`; or the reason of the aborted signal.
 */
export async function resolveTiedHead(
  path: string,
  { plan, spareHead }: PlannedModel,
  onWarning: (message: string) => void,
  signal?: AbortSignal,
): Promise<ModelPlan> {
  const embed = plan.weights.find(({ slot }) => slot === 'embed')
  if (embed === undefined || spareHead === undefined) return plan
  if (await areEqual(plan, embed, spareHead, signal)) return plan
  onWarning(
    `${path}: config.json says tie_word_embeddings: true, but an output matrix is stored that is not the embedding; ` +
      'the stored one is used. Set tie_word_embeddings to false in config.json if that is right',
  )
  return {
    ...plan,
    config: { ...plan.config, tiedEmbeddings: false },
    weights: [...plan.weights, spareHead],
  }
}

async function areEqual(
  plan: ModelPlan,
  a: PlannedWeight,
  b: PlannedWeight,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const [left, right] = [placeOf(plan, a), placeOf(plan, b)]
  if (a.dtype !== b.dtype || left === undefined || right === undefined) return false
  const bytes = weightBytes(a)
  const compare = async (leftFile: OpenFile, rightFile: OpenFile) => {
    for (let at = 0; at < bytes; at += pieceBytes) {
      signal?.throwIfAborted()
      const length = Math.min(pieceBytes, bytes - at)
      const piece = await readExactly(leftFile, left.offset + at, length)
      if (!piece.equals(await readExactly(rightFile, right.offset + at, length))) return false
    }
    return true
  }
  return withFile(left.path, (leftFile) => withFile(right.path, (rightFile) => compare(leftFile, rightFile)))
}

function placeOf({ files }: ModelPlan, { source }: PlannedWeight) {
  const path = 'file' in source ? files[source.file]?.path : undefined
  return path === undefined || !('file' in source) ? undefined : { path, offset: source.offset }
}
