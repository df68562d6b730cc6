// Matrices of a single row: of a feed-forward network of one number, of a vocabulary of one token, of a residual stream of one number.
import { describe, expect, it } from 'vitest'
import { type LoadOptions, load } from '../../lib/index.js'
import { packTensors, type RawTensor, tinyCheckpoint, writeModel } from './edit-checkpoint.js'
import { temporaryFolder } from './temporary.js'

const temporary = temporaryFolder()
const { tensors, config } = tinyCheckpoint()
let made = 0

type Edit = (tensor: RawTensor) => RawTensor

/** The tiny model with some of its tensors edited: those whose names a pattern finds. */
function folder(settings: object, edits: [RegExp, Edit][]): string {
  const edited = [...tensors].map(([name, tensor]): [string, RawTensor] => [
    name,
    edits.find(([pattern]) => pattern.test(name))?.[1](tensor) ?? tensor,
  ])
  return writeModel(
    temporary.join(`model-${made++}`),
    { ...config, ...settings },
    { 'model.safetensors': packTensors(edited) },
  )
}

/** The first row, and as many rows of zeros as are missing. */
const firstRow =
  (rows: number): Edit =>
  ({ dtype, shape, bytes }) => {
    const row = bytes.subarray(0, bytes.length / (shape[0] as number))
    const zeros = Buffer.alloc(row.length * (rows - 1))
    return { dtype, shape: [rows, ...shape.slice(1)], bytes: Buffer.concat([row, zeros]) }
  }

/** The first column, and as many columns of zeros as are missing. */
const firstColumn =
  (cols: number): Edit =>
  ({ dtype, shape, bytes }) => {
    const [rows, stored] = shape as [number, number]
    const size = bytes.length / rows / stored
    const kept = Buffer.alloc(rows * cols * size)
    for (let row = 0; row < rows; row++)
      bytes.copy(kept, row * cols * size, row * stored * size, row * stored * size + size)
    return { dtype, shape: [rows, cols], bytes: kept }
  }

const feedForward = (ffn: number) =>
  folder({ intermediate_size: ffn }, [
    [/gate_proj|up_proj/, firstRow(ffn)],
    [/down_proj/, firstColumn(ffn)],
  ])
const vocabulary = (vocab: number) => folder({ vocab_size: vocab }, [[/embed_tokens/, firstRow(vocab)]])
const stream = () =>
  folder({ hidden_size: 1 }, [
    [/embed_tokens|q_proj|k_proj|v_proj|gate_proj|up_proj/, firstColumn(1)],
    [/o_proj|down_proj|layernorm|model\.norm/, firstRow(1)],
  ])

async function logitsOf(path: string, options: LoadOptions): Promise<number[]> {
  const model = await load(path, { ...options, threads: 2 })
  try {
    return [...(await model.logits([0, 0, 0], { positions: 'last' })).data]
  } finally {
    await model.close()
  }
}

describe.each(['auto', 'f16', 'int8', 'int4'] as const)('in %s', (dtype) => {
  it('a network of one number says what one of two says whose second does nothing', async () => {
    expect(await logitsOf(feedForward(1), { dtype })).toEqual(await logitsOf(feedForward(2), { dtype }))
  })

  it('a vocabulary of one token gives it the logit that it has among two', async () => {
    expect(await logitsOf(vocabulary(1), { dtype })).toEqual(
      (await logitsOf(vocabulary(2), { dtype })).slice(0, 1),
    )
  })

  it('a residual stream of one number gives numbers', async () => {
    expect((await logitsOf(stream(), { dtype })).every(Number.isFinite)).toBe(true)
  })
})
