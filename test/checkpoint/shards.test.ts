// Indexes that disagree with their files. As in transformers, the index names the files; the headers say which tensors they hold.
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
const { tensors, config } = tinyCheckpoint()
const names = [...tensors.keys()]
const half = Math.ceil(names.length / 2)
const pick = (some: string[]) => some.map((name) => [name, tensors.get(name) as RawTensor] as const)
const [first, second] = [pick(names.slice(0, half)), pick(names.slice(half))]
const honest = Object.fromEntries(
  names.map((name, i) => [name, i < half ? 'a.safetensors' : 'b.safetensors']),
)
const norm = 'model.norm.weight'

let made = 0
const sharded = (weight_map: Record<string, string>, a = first, b = second) =>
  writeModel(temporary.join(`model-${made++}`), config, {
    'a.safetensors': packTensors(a),
    'b.safetensors': packTensors(b),
    'model.safetensors.index.json': { metadata: {}, weight_map },
  })

async function logitsOf(path: string) {
  const model = await load(path)
  const { data } = await model.logits([1, 2, 3], { positions: 'last' })
  await model.close()
  return [...data]
}

describe('an index', () => {
  it.each([
    [
      'speaks of tensors that nobody has or needs',
      { ...honest, 'model.layers.0.self_attn.rotary_emb.inv_freq': 'a.safetensors' },
    ],
    [
      'puts tensors into the wrong file',
      Object.fromEntries(
        Object.entries(honest).map(([name, file]) => [
          name,
          file === 'a.safetensors' ? 'b.safetensors' : 'a.safetensors',
        ]),
      ),
    ],
    [
      'knows one tensor of each file',
      { [names[0] as string]: 'a.safetensors', [names[half] as string]: 'b.safetensors' },
    ],
    ['knows none of the names', { x: 'a.safetensors', y: 'b.safetensors' }],
  ])('that %s is no obstacle', async (_, weightMap) => {
    expect(await logitsOf(sharded(weightMap))).toEqual(await logitsOf(sharded(honest)))
  })

  it('decides where a tensor is in two files', async () => {
    const other = [
      'model.embed_tokens.weight',
      rotateRows(tensors.get('model.embed_tokens.weight') as RawTensor),
    ] as const
    const [a, b] = [first.filter(([name]) => name !== other[0]), second.filter(([name]) => name !== other[0])]
    const own = [other[0], tensors.get(other[0]) as RawTensor] as const
    const path = (file: string) => sharded({ ...honest, [other[0]]: file }, [...a, own], [...b, other])
    expect(await logitsOf(path('a.safetensors'))).toEqual(await logitsOf(sharded(honest)))
    expect(await logitsOf(path('b.safetensors'))).not.toEqual(await logitsOf(sharded(honest)))
  })

  it('cannot make up for a tensor that no file has, or a file that is not there', async () => {
    const without = (list: typeof first) => list.filter(([name]) => name !== norm)
    const { message } = await expectCode(
      () => inspect(sharded(honest, without(first), without(second))),
      'missing_tensor',
    )
    expect(message).toContain(norm)
    await expectCode(() => inspect(sharded({ ...honest, x: 'c.safetensors' })), 'missing_file')
    await expectCode(() => inspect(sharded({ [norm]: honest[norm] as string })), 'missing_tensor')
  })
})
