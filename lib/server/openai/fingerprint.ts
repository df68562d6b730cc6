import { createHash } from 'node:crypto'
import type { Model } from '../../index.js'
import { packageVersion } from '../../package.js'

const known = new WeakMap<Model, string>()

/** What answers depend on beside the request: where it is the same, the same seed gives the same text. */
export function fingerprint(model: Model): string {
  const found = known.get(model)
  if (found !== undefined) return found
  const { source, device, isa, precision, dtype, kvDtype } = model.info
  const parts = [packageVersion(), source, device, isa, precision, dtype, kvDtype]
  const made = `fp_${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)}`
  known.set(model, made)
  return made
}
