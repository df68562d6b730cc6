// Tensors that nothing is made of: a model that has more than its config says is loaded, and whoever loads it hears of it.
import { expect, test } from 'vitest'
import { load } from '../../lib/index.js'
import { packTensors, type RawTensor, tinyCheckpoint, writeModel } from '../model/edit-checkpoint.js'
import { temporaryFolder } from '../model/temporary.js'

const temporary = temporaryFolder()
const { tensors, config } = tinyCheckpoint()
const norm = tensors.get('model.norm.weight') as RawTensor

async function warningsOf(name: string, more: string[], settings: object = {}): Promise<string[]> {
  const all = packTensors([...tensors, ...more.map((name) => [name, norm] as const)])
  const path = writeModel(temporary.join(name), { ...config, ...settings }, { 'model.safetensors': all })
  const warnings: string[] = []
  const model = await load(path, { onWarning: (message) => warnings.push(message.slice(path.length)) })
  await model.close()
  return warnings
}

test('what follows from the config, or is none of the decoder, is silent', async () => {
  expect(
    await warningsOf('silent', ['model.layers.0.self_attn.rotary_emb.inv_freq', 'extra.weight']),
  ).toEqual([])
})

test('what layers have beyond the config is named', async () => {
  expect(await warningsOf('one', ['model.layers.0.self_attn.q_proj.bias'])).toEqual([
    ': 1 tensor of layers not used, for which its config.json has no place: "model.layers.0.self_attn.q_proj.bias"',
  ])
  const [warning, ...more] = await warningsOf('fewer', [], { num_hidden_layers: 1 })
  expect(warning).toMatch(/^: \d+ tensors of layers not used, .*: "model\.layers\.1\.\S+" and others$/)
  expect(more).toEqual([])
})
