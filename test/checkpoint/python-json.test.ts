// Configs as Python's json writes and reads them. What Python gives for each text was read off json.loads.
import { readFileSync } from 'node:fs'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { readFields } from '../../lib/checkpoint/fields.js'
import { readIndex } from '../../lib/checkpoint/needed-files.js'
import { load, Tokenizer } from '../../lib/index.js'
import { fixturePath } from '../golden.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'

const temporary = temporaryFolder()
let made = 0

/** A tiny model whose config.json begins with the given members. */
async function modelWith(members: string, file = 'config.json'): Promise<string> {
  const path = temporary.join(`model-${made++}`)
  await mkdir(path)
  for (const name of ['config.json', 'model.safetensors']) {
    await copyFile(fixturePath('models', 'qwen3-tied', name), `${path}/${name}`)
  }
  const there = await readFile(`${path}/${file}`, 'utf8').catch(() => '{"x": 1}')
  await writeFile(`${path}/${file}`, there.replace('{', `{${members},`))
  return path
}

async function loads(path: string): Promise<void> {
  await (await load(path)).close()
}

const meaningless = [
  '"time_step_limit": [0.0, Infinity]',
  '"loss": NaN',
  '"a": {"b": [-Infinity, {"c": 1e999}]}',
  '"a": -1e999',
  `"a": ${'9'.repeat(400)}`,
  '"task_specific_params": {"a": 1, "a": 2}',
  '"name": "\\ud800"',
]

describe('members that nobody reads', () => {
  it.each(meaningless)('%s in config.json', async (members) => loads(await modelWith(members)))
  it.each(meaningless)('%s in generation_config.json', async (members) =>
    loads(await modelWith(members, 'generation_config.json')),
  )

  it('do not matter in an index either', async () => {
    const path = temporary.join('index.json')
    await writeFile(path, '{"metadata": {"total_size": NaN}, "weight_map": {"a": "b", "a": "c"}}')
    const fields = await readFields(path, 'invalid_index')
    expect(fields.object('weight_map')?.string('a')).toBe('c')
  })
})

describe('members that are read', () => {
  it.each([
    ['rope_theta', 'NaN'],
    ['rope_theta', 'Infinity'],
    ['rope_theta', '1e999'],
    ['rms_norm_eps', '-Infinity'],
    ['hidden_size', 'NaN'],
    ['num_hidden_layers', 'Infinity'],
    ['tie_word_embeddings', 'NaN'],
    ['model_type', 'NaN'],
  ])('%s: %s is invalid_config', async (key, value) => {
    const path = await modelWith('"x": 0')
    const text = await readFile(`${path}/config.json`, 'utf8')
    await writeFile(`${path}/config.json`, `${text.trimEnd().slice(0, -1)}, "${key}": ${value}}`)
    const { message } = await expectCode(() => load(path), 'invalid_config')
    expect(message).toContain(`"${key}" must be`)
  })

  it('count as they stand last', async () => {
    const path = await modelWith('"num_hidden_layers": 77, "model_type": "none such"')
    await loads(path)
    await writeFile(
      `${path}/generation_config.json`,
      '{"temperature": NaN, "do_sample": true, "temperature": 0.5}',
    )
    await loads(path)
    await writeFile(
      `${path}/generation_config.json`,
      '{"temperature": 0.5, "do_sample": true, "temperature": NaN}',
    )
    await expectCode(() => load(path), 'invalid_config')
  })
})

it.each([
  '{"a": nan}',
  '{"a": inf}',
  '{"a": +Infinity}',
  '{"a": - Infinity}',
  '{"a": Infinit}',
  '{NaN: 1}',
  '{"a": 1,}',
  "{'a': 1}",
])('Python refuses %s, and so does quern', async (text) => {
  const path = await modelWith('"x": 0')
  await writeFile(`${path}/config.json`, text)
  await expectCode(() => load(path), 'invalid_config')
})

describe('other files', () => {
  it('tokenizer_config.json', () => {
    const json = readFileSync(`${bundledModelPath()}/tokenizer.json`, 'utf8')
    const config = '{"model_max_length": Infinity, "eos_token": "<s>", "eos_token": "<|im_end|>"}'
    expect(Tokenizer.fromJSON(json, config).specialTokens).toEqual({ eos_token: '<|im_end|>' })
    for (const damaged of ['{"a": nan}', '[', 'NaN'])
      expect(() => Tokenizer.fromJSON(json, damaged)).toThrow(
        expect.objectContaining({ code: 'invalid_tokenizer' }),
      )
  })

  it('the index that a download reads', async () => {
    const index =
      '{"metadata": {"total_size": NaN}, "weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}'
    await writeFile(temporary.join('weights.json'), index)
    expect(await readIndex(temporary.join('weights.json'))).toEqual(['y.safetensors'])
  })
})
