import { createHash } from 'node:crypto'
import { firstPlace, type ModelPlan, weightBytes } from '../checkpoint/plan.js'
import { planText } from '../checkpoint/plan-text.js'
import { readExactly, withFile } from '../files/read-file.js'
import { packageVersion } from '../package.js'
import type { ModelIdentity } from '../session/session-model.js'
import type { ModelInfo } from './model-info.js'

/** Enough of each weight's numbers to tell a model from its fine-tunes: their files often have equal sizes and headers. */
const sampleBytes = 256

/**
 * What makes a model this one, for what is kept of its computations. `fingerprint` is the SHA-256 of the plan's text (config, files' sizes,
 * every weight's slot, type, shape and place) with the files' paths left out, then of the first 256 bytes of every weight, in the plan's
 * order. `arithmetic` names what bits depend on besides.
 */
export async function modelIdentity(info: ModelInfo, plan: ModelPlan): Promise<ModelIdentity> {
  const hash = createHash('sha256')
  hash.update(planText({ ...plan, files: plan.files.map(({ bytes }) => ({ path: '', bytes })) }))
  for (const [index, { path }] of plan.files.entries()) {
    await withFile(path, async (file) => {
      for (const weight of plan.weights) {
        const place = firstPlace(weight)
        if (place?.file !== index) continue
        // Of a weight in parts the first row alone is sure to lie in one piece.
        const rows = 'parts' in weight.source ? 1 : weight.rows
        const bytes = Math.min(sampleBytes, weightBytes({ ...weight, rows }))
        hash.update(await readExactly(file, place.offset, bytes))
      }
    })
  }
  const { attentionSinks: seen } = info
  const sight = seen === undefined ? '' : `, ${seen.sinks} sinks and a window of ${seen.window}`
  return {
    fingerprint: hash.digest('hex'),
    source: info.source,
    arithmetic: `quern ${packageVersion()}, ${info.device} ${info.isa}, ${info.dtype} weights, ${info.precision}, ${info.kvDtype} keys by number and values by position${sight}`,
    pageBytes: info.pageBytes,
    kvGroups: info.kvGroups,
    longestSequence: info.longestSequence,
    vocab: plan.config.vocab,
  }
}
