// Tied models whose files say something else. What is right is what transformers 5 does (tie_weights): equal matrices are tied, of two
// different ones both are used, a single one serves as both whatever its name.
import { describe, expect, it } from 'vitest'
import { inspect, load } from '../../lib/index.js'
import {
  packTensors,
  type RawTensor,
  rotateRows,
  tinyCheckpoint,
  writeModel,
} from '../model/edit-checkpoint.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'

const temporary = temporaryFolder()
const embedName = 'model.embed_tokens.weight'
const headName = 'lm_head.weight'
const { tensors, config } = tinyCheckpoint()
const embed = tensors.get(embedName) as RawTensor
const body = [...tensors].filter(([name]) => name !== embedName)
const untied = { ...config, tie_word_embeddings: false }

let made = 0
const folder = (settings: object, files: Record<string, Buffer | object>) =>
  writeModel(temporary.join(`model-${made++}`), settings, files)
const oneFile = (settings: object, list: (readonly [string, RawTensor])[]) =>
  folder(settings, { 'model.safetensors': packTensors([...body, ...list]) })

/** The logits after a few tokens, and what load() warned of. */
async function logitsOf(path: string) {
  const warnings: string[] = []
  const model = await load(path, { onWarning: (message) => warnings.push(message) })
  try {
    const { data } = await model.logits([1, 2, 3], { positions: 'last' })
    return { data: [...data], warnings, isTied: model.info.config.tiedEmbeddings }
  } finally {
    await model.close()
  }
}

/** The matrix with one bit of its last number changed. */
function lastBitFlipped({ dtype, shape, bytes }: RawTensor): RawTensor {
  const changed = Buffer.from(bytes)
  changed[bytes.length - 2] = (bytes.at(-2) as number) ^ 1
  return { dtype, shape, bytes: changed }
}

describe('a stored head beside a tied embedding', () => {
  const tied = () => logitsOf(oneFile(config, [[embedName, embed]]))

  it('of the same values changes nothing', async () => {
    const both = await logitsOf(
      oneFile(config, [
        [embedName, embed],
        [headName, embed],
      ]),
    )
    expect(both).toEqual({ ...(await tied()), warnings: [], isTied: true })
  })

  it.each([
    ['in every row', rotateRows(embed)],
    ['in its last number only', lastBitFlipped(embed)],
  ])('that differs %s is used, with a warning', async (_, head) => {
    const list = [
      [embedName, embed],
      [headName, head],
    ] as const
    const right = await logitsOf(oneFile(untied, [...list]))
    const came = await logitsOf(oneFile(config, [...list]))
    expect(came.data).toEqual(right.data)
    expect(came.isTied).toBe(false)
    expect(came.warnings).toEqual([expect.stringMatching(/tie_word_embeddings/)])
    expect(right.warnings).toEqual([])
  })

  it('in another file is compared too', async () => {
    const shards = (head: RawTensor) => ({
      'a.safetensors': packTensors([...body, [embedName, embed]]),
      'b.safetensors': packTensors([[headName, head]]),
      'model.safetensors.index.json': {
        weight_map: Object.fromEntries([
          ...[...body.map(([name]) => name), embedName].map((name) => [name, 'a.safetensors']),
          [headName, 'b.safetensors'],
        ]),
      },
    })
    expect((await logitsOf(folder(config, shards(embed)))).warnings).toEqual([])
    const other = await logitsOf(folder(config, shards(rotateRows(embed))))
    expect(other.warnings).toHaveLength(1)
    expect(other.data).toEqual((await logitsOf(folder(untied, shards(rotateRows(embed))))).data)
  })

  it('of another shape is refused', async () => {
    const shape = [(embed.shape[0] as number) / 2, (embed.shape[1] as number) * 2]
    const path = oneFile(config, [
      [embedName, embed],
      [headName, { ...embed, shape }],
    ])
    await expectCode(() => load(path), 'wrong_shape')
  })

  it('stops comparing when loading is aborted', async () => {
    const path = oneFile(config, [
      [embedName, embed],
      [headName, embed],
    ])
    const stop = new AbortController()
    const loading = load(path, { signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(loading).rejects.toThrow('enough')
  })
})

describe('one matrix under either name', () => {
  it('serves a tied model', async () => {
    const path = oneFile(config, [[headName, embed]])
    expect(await logitsOf(path)).toEqual(await logitsOf(oneFile(config, [[embedName, embed]])))
    expect((await inspect(path)).parameters).toBe(
      (await inspect(oneFile(config, [[embedName, embed]]))).parameters,
    )
  })

  it('does not serve an untied one', async () => {
    for (const name of [embedName, headName])
      await expectCode(() => load(oneFile(untied, [[name, embed]])), 'missing_tensor')
  })
})
