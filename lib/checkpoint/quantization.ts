import { quote } from '../files/quote.js'
import type { Range } from '../input/range.js'
import type { Fields } from './fields.js'

/** What the numbers of the methods that have some may be. */
const methods: Readonly<Record<string, { bits: readonly number[] }>> = {
  awq: { bits: [4] },
  gptq: { bits: [2, 3, 4, 8] },
}

const blockSize: Range = { min: 1, max: 65_536 }

/**
 * Refuses a quantized checkpoint: as invalid when its description makes no sense, else as not supported yet.
 *
 * @throws {QuernError} `invalid_config`, `unsupported_model`.
 */
export function refuseQuantization(fields: Fields): never {
  const method = fields.string('quant_method') ?? fields.missing('quant_method')
  const expected = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (expected !== undefined) {
    const bits = fields.requiredInteger('bits', { min: 1, max: 64 })
    if (!expected.bits.includes(bits)) fields.fail('bits', `one of ${expected.bits.join(', ')} for ${method}`)
    const groupSize = fields.requiredInteger('group_size', { min: -1, max: 1 << 24 })
    if (groupSize === 0) fields.fail('group_size', 'at least 1, or -1 for whole columns')
  }
  if (method === 'fp8') {
    const block = fields.integers('weight_block_size', blockSize)
    if (block !== undefined && block.length !== 2) fields.fail('weight_block_size', 'two integers')
  }
  return fields.unsupported(`weights quantized with ${quote(method)} are`)
}
