// A decoder inside of a model that sees. No such model is among the goldens, so they are made of those of plain decoders: other names, a config
// with text_config, and tensors of an invented vision tower between the others. Hugging Face's numbers for the decoder hold as they are.
import { closeSync, ftruncateSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inspect, load, type Model } from '../../lib/index.js'
import { quern } from '../cli/quern.js'
import { fixturePath, goldenPath, goldensPresent, readJson, requireGoldens } from '../golden.js'
import { supportedGoldens } from '../supported-goldens.js'
import { packTensors, type RawTensor, rawTensors, writeModel } from './edit-checkpoint.js'
import { expectCode } from './expect-code.js'
import { type Expected, expectGreedy, expectLogits, type Prompt } from './expect-golden.js'
import { safetensorsBytes, temporaryFolder } from './temporary.js'

/** How a family is nested, and how who saved it named its tensors. */
interface Nesting {
  outer: string
  inner: string
  className: string
  prefix: string
  head: string
  vision: string
}

const qwen3vl: Nesting = {
  outer: 'qwen3_vl',
  inner: 'qwen3_vl_text',
  className: 'Qwen3VLForConditionalGeneration',
  prefix: 'model.language_model.',
  head: 'lm_head.weight',
  vision: 'model.visual.',
}
const mistral3: Nesting = {
  outer: 'mistral3',
  inner: 'mistral',
  className: 'Mistral3ForConditionalGeneration',
  prefix: 'language_model.model.',
  head: 'language_model.lm_head.weight',
  vision: 'vision_tower.',
}
/** As transformers 5 saves what was `mistral3`. */
const resaved = {
  ...mistral3,
  prefix: 'model.language_model.',
  head: 'lm_head.weight',
  vision: 'model.vision_tower.',
}
const swapped = { ...qwen3vl, prefix: 'language_model.model.', head: 'language_model.lm_head.weight' }

const temporary = temporaryFolder()
let made = 0

const raw = (dtype: string, shape: number[], bytes: number): RawTensor => ({
  dtype,
  shape,
  bytes: Buffer.alloc(bytes, 0x5a),
})

/** Some of which no decoder could make use of. */
function visionTensors(prefix: string): [string, RawTensor][] {
  return [
    [`${prefix}patch_embed.proj.weight`, raw('F16', [8, 3, 2, 4, 4], 8 * 3 * 2 * 4 * 4 * 2)],
    [`${prefix}blocks.0.attn.qkv.weight`, raw('BF16', [24, 8], 24 * 8 * 2)],
    [`${prefix}blocks.0.norm1.bias`, raw('F32', [8], 32)],
    [`${prefix}position_ids`, raw('I64', [3], 24)],
  ]
}
const visionBytes = 1536 + 384 + 32 + 24

function nestedConfig(path: string, { outer, inner, className }: Nesting): object {
  const config = readJson<Record<string, unknown>>(join(path, 'config.json'))
  const { architectures, tie_word_embeddings, eos_token_id, torch_dtype, dtype, rope_scaling, ...text } =
    config
  const mrope = { mrope_interleaved: true, mrope_section: [6, 5, 5], rope_type: 'default' }
  return {
    architectures: [className],
    model_type: outer,
    ...{ tie_word_embeddings, eos_token_id, dtype: dtype ?? torch_dtype },
    text_config: { ...text, model_type: inner, rope_scaling: outer === 'qwen3_vl' ? mrope : rope_scaling },
    vision_config: { hidden_size: 8, model_type: outer },
  }
}

function nest(path: string, nesting: Nesting): string {
  const { prefix, head, vision } = nesting
  const renamed = [...rawTensors(join(path, 'model.safetensors'))].map(
    ([name, tensor]) => [name.startsWith('model.') ? name.replace('model.', prefix) : head, tensor] as const,
  )
  const tensors = [...renamed.slice(0, 3), ...visionTensors(vision), ...renamed.slice(3)]
  return writeModel(temporary.join(`nested-${made++}`), nestedConfig(path, nesting), {
    'generation_config.json': readJson(join(path, 'generation_config.json')),
    'model.safetensors': packTensors(tensors),
  })
}

async function bitsOf(model: Model, prompts: Prompt[]): Promise<Buffer> {
  const logits = await Promise.all(prompts.map(({ ids }) => model.logits(ids)))
  return Buffer.concat(logits.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)))
}

function describeNested(name: string, path: string, nestings: [string, Nesting][]): void {
  it.each(nestings)(
    `${name} as %s has the golden's logits and greedy tokens, and the bits of the flat model`,
    async (_, nesting) => {
      const warnings: string[] = []
      const options = { precision: 'exact', contextLength: 512 } as const
      const folder = nest(path, nesting)
      const model = await load(folder, { ...options, onWarning: (message) => warnings.push(message) })
      const flat = await load(path, options)
      await expectLogits(model, path)
      await expectGreedy(model, path)
      const { prompts } = readJson<Expected>(join(path, 'expected.json'))
      expect((await bitsOf(model, prompts)).equals(await bitsOf(flat, prompts))).toBe(true)
      expect(model.info).toMatchObject({ architecture: nesting.outer, weightBytes: flat.info.weightBytes })
      expect(model.info.config).toEqual(flat.info.config)
      expect(model.info.stopTokens).toEqual(flat.info.stopTokens)
      expect(warnings).toEqual([
        `${folder}: the model is loaded for text only; 4 tensors (${visionBytes} bytes) of its other parts are left out`,
      ])
      await Promise.all([model.close(), flat.close()])
    },
  )
}

const fixture = fixturePath('models', 'qwen3-tied')
describeNested('the fixture qwen3-tied', fixture, [
  ['published', qwen3vl],
  ['named otherwise', swapped],
])

requireGoldens()
describe.skipIf(!goldensPresent)('goldens', () => {
  const nestings: Record<string, [string, Nesting][]> = {
    qwen3_vl: [
      ['published', qwen3vl],
      ['named otherwise', swapped],
    ],
    mistral3: [
      ['published', mistral3],
      ['saved again', resaved],
    ],
  }
  for (const { name, nestedIn } of supportedGoldens)
    if (nestedIn !== undefined)
      describeNested(name, goldenPath('models', name), nestings[nestedIn] as [string, Nesting][])
})

it('says in inspect what is left out, and counts it nowhere', async () => {
  const folder = nest(fixture, qwen3vl)
  const { leftOut, tensors, plan, path, ...model } = await inspect(folder)
  const { tensors: flatTensors, plan: _, path: __, ...flat } = await inspect(fixture)
  expect(leftOut).toEqual({ tensors: 4, bytes: visionBytes })
  expect(flat).not.toHaveProperty('leftOut')
  expect(tensors.length).toBe(flatTensors.length + 4)
  expect(model).toEqual({ ...flat, architecture: 'qwen3_vl' })
  expect((await quern('inspect', folder)).out).toMatch(
    /\nleft out +4 tensors for other things than text, 1\.98 kB\n/,
  )
})

it('never reads what is left out: 64 GiB of it make loading no longer', async () => {
  const folder = nest(fixture, qwen3vl)
  const bytes = 64 * 1024 ** 3
  const header = { 'model.visual.huge': { dtype: 'U8', shape: [bytes], data_offsets: [0, bytes] } }
  const shard = join(folder, 'model-00002-of-00002.safetensors')
  const start = safetensorsBytes(header)
  writeFileSync(shard, start)
  const file = openSync(shard, 'r+')
  ftruncateSync(file, start.length + bytes) // a hole: it takes no space
  closeSync(file)
  const tensors = rawTensors(join(folder, 'model.safetensors'))
  writeModel(folder, nestedConfig(fixture, qwen3vl), {
    'model-00001-of-00002.safetensors': packTensors(tensors),
    'model.safetensors.index.json': {
      weight_map: {
        ...Object.fromEntries([...tensors.keys()].map((name) => [name, 'model-00001-of-00002.safetensors'])),
        'model.visual.huge': 'model-00002-of-00002.safetensors',
      },
    },
  })
  rmSync(join(folder, 'model.safetensors'))
  const progress: number[] = []
  const model = await load(folder, {
    onProgress: ({ totalBytes }) => progress.push(totalBytes),
    onWarning: () => {},
  })
  expect(new Set(progress)).toEqual(new Set([(await inspect(fixture)).weightBytes]))
  expect((await inspect(folder)).leftOut).toEqual({ tensors: 5, bytes: visionBytes + bytes })
  await model.close()
})

it('finds a tied model’s one matrix under the name of the head', async () => {
  const folder = nest(fixture, swapped)
  const tensors = rawTensors(join(folder, 'model.safetensors'))
  const embed = tensors.get('language_model.model.embed_tokens.weight') as RawTensor
  tensors.delete('language_model.model.embed_tokens.weight')
  writeFileSync(
    join(folder, 'model.safetensors'),
    packTensors([...tensors, ['language_model.lm_head.weight', embed]]),
  )
  const model = await load(folder, { precision: 'exact', contextLength: 512, onWarning: () => {} })
  await expectLogits(model, fixture)
  await expectGreedy(model, fixture)
  await model.close()
})

it('names what is missing by the names that the files have', async () => {
  const folder = nest(fixture, swapped)
  const tensors = rawTensors(join(folder, 'model.safetensors'))
  tensors.delete('language_model.model.layers.1.mlp.up_proj.weight')
  writeFileSync(join(folder, 'model.safetensors'), packTensors(tensors))
  const error = await expectCode(() => load(folder), 'missing_tensor')
  expect(error.message).toContain('"language_model.model.layers.1.mlp.up_proj.weight" is missing')
})
