import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { inspect } from '../../lib/model/inspect.js'
import { load } from '../../lib/model/load.js'
import { fixturePath } from '../golden.js'
import { expectCode } from './expect-code.js'
import { safetensorsBytes, temporaryFolder } from './temporary.js'

const temporary = temporaryFolder()

describe('inspect', () => {
  it('tells what the bundled model holds', async () => {
    const model = await inspect()
    expect(model).toMatchObject({
      kind: 'folder',
      architecture: 'qwen3',
      parameters: 5_443_584,
      weightBytes: 10_887_168,
      dtypes: { bf16: 10_887_168 },
      contextLength: 2048,
      vocab: 5120,
      stopTokens: [5113, 5111],
      tokenizer: true,
      chatTemplate: true,
    })
    expect(model.path).toMatch(/models\/tiny$/)
    expect(model.tensors).toContainEqual({
      name: 'model.norm.weight',
      dtype: 'bf16',
      shape: [256],
      bytes: 512,
    })
    expect(model.plan?.weights).toHaveLength(model.tensors.length)
  })

  it('tells what a bare file holds', async () => {
    const model = await inspect(
      fixturePath('models', 'bad', 'safetensors', 'ok-scalar-and-empty.safetensors'),
    )
    expect(model.kind).toBe('safetensors')
    expect(model).not.toHaveProperty('plan')
    expect(model.tensors.map(({ shape }) => shape)).toContainEqual([])
  })

  it('tells what the weights will take in memory', async () => {
    const { loadedBytes } = await inspect()
    const dtypes = ['auto', 'f32', 'f16', 'bf16', 'int8', 'int4'] as const
    expect(Object.keys(loadedBytes ?? {})).toEqual(dtypes)
    for (const dtype of dtypes) {
      const model = await load(undefined, { dtype, threads: 1 })
      expect(loadedBytes?.[dtype], dtype).toBe(model.info.weightBytes)
      await model.close()
    }
  })

  it('tells what a random model holds', async () => {
    const model = await inspect('random:qwen3-4b', { dtype: 'f32' })
    expect(model).toMatchObject({
      kind: 'random',
      path: 'random:qwen3-4b',
      contextLength: 262_144,
      weightBytes: 4 * 4_022_468_096,
    })
    expect(model.tensors).toHaveLength(398)
    expect(model.tensors[1]).toEqual({
      name: 'layers.0.attention_norm',
      dtype: 'f32',
      shape: [2560],
      bytes: 10_240,
    })
  })

  it('follows links, of which the cache of the hub is made', async () => {
    const path = temporary.join('linked')
    await mkdir(path)
    for (const name of ['config.json', 'model.safetensors']) {
      await symlink(fixturePath('models', 'qwen3-tied', name), `${path}/${name}`)
    }
    expect((await inspect(path)).architecture).toBe('qwen3')
  })

  it('finds the chat template in a file of its own, and forgives a damaged tokenizer_config.json', async () => {
    const path = temporary.join('template')
    await mkdir(path)
    for (const name of ['config.json', 'model.safetensors']) {
      await symlink(fixturePath('models', 'qwen3-tied', name), `${path}/${name}`)
    }
    await writeFile(`${path}/tokenizer_config.json`, '{')
    expect(await inspect(path)).toMatchObject({ tokenizer: false, chatTemplate: false })
    await writeFile(`${path}/chat_template.jinja`, '{{ messages }}')
    expect((await inspect(path)).chatTemplate).toBe(true)
  })

  it('tells formats and names that it does not take from files that are not there', async () => {
    await expectCode(() => inspect('model.gguf'), 'unsupported_format')
    await expectCode(() => inspect('./absent/model'), 'missing_file')
    await expectCode(() => inspect('/absent'), 'missing_file')
    await expectCode(() => inspect('absent/model.safetensors'), 'missing_file')
    await expectCode(() => inspect(fixturePath('models', 'README.md')), 'unsupported_format')
    await expectCode(() => inspect(''), 'invalid_input')
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    for (const wrong of [7, null, cyclic, Symbol('x'), 1n])
      await expectCode(() => inspect(wrong as never), 'invalid_input')
    await expectCode(() => inspect('random:qwen3-5b'), 'invalid_input')
  })

  it('says which format the weights of a folder are in', async () => {
    const path = temporary.join('pickled')
    await mkdir(path)
    await symlink(fixturePath('models', 'qwen3-tied', 'config.json'), `${path}/config.json`)
    await writeFile(`${path}/pytorch_model.bin`, '')
    expect((await expectCode(() => inspect(path), 'unsupported_format')).message).toContain(
      'pytorch_model.bin',
    )
    const ggml = temporary.join('ggml')
    await mkdir(ggml)
    expect((await expectCode(() => inspect(ggml), 'missing_file')).message).toContain('no config.json')
    await writeFile(`${ggml}/model-q4_k_m.gguf`, '')
    expect((await expectCode(() => inspect(ggml), 'unsupported_format')).message).toContain(
      'model-q4_k_m.gguf',
    )
  })

  it.each([
    'a/../../x.safetensors',
    '..',
    './x.safetensors',
    '/x.safetensors',
    'a\\..\\x.safetensors',
    'c:x.safetensors',
    '',
    'a\0.safetensors',
  ])('never reads the shard %j', async (shard) => {
    const path = temporary.join('shards')
    await mkdir(path, { recursive: true })
    await symlink(fixturePath('models', 'qwen3-tied', 'config.json'), `${path}/config.json`).catch(() => {})
    await writeFile(`${path}/model.safetensors.index.json`, JSON.stringify({ weight_map: { a: shard } }))
    await expectCode(() => inspect(path), 'unsafe_path')
  })

  it('says which tensor is missing or has the wrong shape', async () => {
    const missing = await expectCode(
      () => inspect(fixturePath('models', 'bad', 'models', 'missing-tensor')),
      'missing_tensor',
    )
    expect(missing.message).toMatch(
      /model\.safetensors: tensor "model\.layers\.0\.self_attn\.q_norm\.weight" is missing/,
    )
    const wrong = await expectCode(
      () => inspect(fixturePath('models', 'bad', 'models', 'transposed')),
      'wrong_shape',
    )
    expect(wrong.message).toMatch(/k_proj\.weight" has the shape \[16, 8\], config\.json asks for \[8, 16\]/)
  })

  it('refuses options that it does not know', async () => {
    await expectCode(() => inspect(undefined, { depth: 1 } as never), 'unsupported_option')
    await expectCode(() => inspect('random:qwen3-4b', { dtype: 'int4' as never }), 'invalid_option')
    await expectCode(() => inspect(undefined, null as never), 'invalid_option')
    await expectCode(() => inspect(undefined, { dtype: 'f32' }), 'unsupported_option')
  })

  it('refuses a checkpoint without output matrix unless it is tied', async () => {
    const path = temporary.join('untied')
    await mkdir(path)
    await writeFile(`${path}/model.safetensors`, safetensorsBytes({}))
    const config = {
      model_type: 'llama',
      hidden_size: 2,
      intermediate_size: 2,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      vocab_size: 2,
    }
    await writeFile(`${path}/config.json`, JSON.stringify(config))
    await expectCode(() => inspect(path), 'missing_tensor')
  })
})
