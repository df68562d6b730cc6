// Numbers of a file that the type asked for cannot hold: as infinities they would make every answer the first token.
import { describe, expect, it } from 'vitest'
import { load } from '../../lib/index.js'
import { packTensors, type RawTensor, tinyCheckpoint, writeModel } from './edit-checkpoint.js'
import { expectCode } from './expect-code.js'
import { temporaryFolder } from './temporary.js'

const temporary = temporaryFolder()
const { tensors, config } = tinyCheckpoint()
const edited = 'model.layers.0.mlp.down_proj.weight'
let made = 0

/** The tiny model in bfloat16, with this as the second number of a matrix. */
function folderWith(value: number): string {
  const half = (numbers: Float32Array) =>
    Buffer.from(new Uint16Array(new Uint32Array(numbers.buffer).map((bits) => bits >>> 16)).buffer)
  const stored = tensors.get(edited) as RawTensor
  const numbers = new Float32Array(stored.shape.reduce((product, size) => product * size)).fill(0.01)
  numbers[1] = value
  const list = new Map(tensors).set(edited, { dtype: 'BF16', shape: stored.shape, bytes: half(numbers) })
  return writeModel(temporary.join(`model-${made++}`), config, { 'model.safetensors': packTensors(list) })
}

const largest = { f16: 65504, int8: 127 * 65504, int4: 8 * 65504 }

describe.each(['f16', 'int8', 'int4'] as const)('%s', (dtype) => {
  it.each([1, -1])('is refused for what lies beyond it (%i)', async (sign) => {
    const { message } = await expectCode(
      () => load(folderWith(sign * 2 * largest[dtype]), { dtype }),
      'invalid_option',
    )
    expect(message).toMatch(/^dtype: .*layers\.0\.down.*auto/)
    expect(message).toContain(String(largest[dtype]))
  })

  it('takes what it can hold, and infinities as they are', async () => {
    for (const value of [largest[dtype] / 2, Infinity, Number.NaN])
      await (await load(folderWith(value), { dtype })).close()
  })
})
