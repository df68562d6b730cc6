// Embeddings against Hugging Face transformers, and what is refused.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inspect, load, type Model } from '../../lib/index.js'
import { quern } from '../cli/quern.js'
import { fixturePath, goldenPath, goldensPresent, readJson, requireGoldens } from '../golden.js'
import { rawTensors, tinyCheckpoint, writeModel } from '../model/edit-checkpoint.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'
import { expectWithin, type Tolerance } from '../numbers.js'
import { ExpectedTensors } from '../safetensors.js'
import { bareCheckpoint, packedBare } from './bare-checkpoint.js'
import { byteTokenizer } from './byte-tokenizer.js'

const folder = temporaryFolder()
/** "atol 1e-5 for both", of numbers at most 1. */
const goldenTolerance: Tolerance = { logits_atol: 1e-5, rtol: 0 }

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0)

requireGoldens()
describe.skipIf(!goldensPresent)('qwen3-embedding', () => {
  const path = goldenPath('models', 'qwen3-embedding')
  const prompts = goldensPresent
    ? readJson<{ prompts: { ids: number[] }[] }>(join(path, 'expected.json')).prompts
    : []
  let model: Model
  beforeAll(async () => {
    model = await load(path, { precision: 'exact' })
  })
  afterAll(() => model.close())

  it('has the embeddings of Hugging Face, whole and cut', async () => {
    const tensors = new ExpectedTensors(join(path, 'expected.safetensors'))
    const inputs = prompts.map(({ ids }) => ({ tokens: ids }))
    const whole = await model.embed(inputs)
    const cut = await model.embed(inputs, { dimensions: 32 })
    expect(whole.length).toBe(prompts.length)
    for (const [i, embedding] of whole.entries()) {
      expectWithin(embedding, tensors.get(`prompt.${i}.embedding`), goldenTolerance, `prompt ${i}`)
      expectWithin(
        cut[i] as Float32Array,
        tensors.get(`prompt.${i}.embedding_32`),
        goldenTolerance,
        `32 of prompt ${i}`,
      )
    }
  })

  it('embeds, and does nothing else', async () => {
    expect(model.info.generates).toBe(false)
    expect((await inspect(path)).generates).toBe(false)
    expect((await quern('inspect', path)).out).toMatch(/^generates +no, it embeds$/m)
    const tokens = [1, 2, 3]
    const calls: Record<string, () => unknown> = {
      generate: () => model.generate({ tokens }).text(),
      generateMany: () => model.generateMany({ tokens }, { n: 1 })[0]?.text(),
      chat: () => model.chat('Hello').text(),
      session: () => model.session(),
      logits: () => model.logits(tokens),
      score: () => model.score({ tokens }, { tokens }),
      perplexity: () => model.perplexity({ tokens }),
      rank: () => model.rank('query', ['document']),
    }
    for (const [name, call] of Object.entries(calls)) {
      const { message } = await expectCode(call, 'embedding_only')
      expect(message, name).toContain('qwen3-embedding')
    }
  })

  it('is the same where config.json speaks of a head that is not there, as that of the 8B model', async () => {
    const config = { ...readJson<object>(join(path, 'config.json')), tie_word_embeddings: false }
    const weights = readFileSync(join(path, 'model.safetensors'))
    for (const architectures of [['Qwen3ForCausalLM'], ['Qwen3Model']]) {
      const untied = writeModel(
        folder.join('untied'),
        { ...config, architectures },
        {
          'model.safetensors': weights,
        },
      )
      const other = await load(untied, { precision: 'exact' })
      const inputs = prompts.map(({ ids }) => ({ tokens: ids }))
      expect(await other.embed(inputs)).toEqual(await model.embed(inputs))
      await other.close()
    }
  })
})

describe('a model that generates', () => {
  it('embeds the normalised state after its last norm', async () => {
    const path = fixturePath('models', 'qwen3-tied')
    const { prompts, trace, tolerance } = readJson<{
      prompts: { ids: number[] }[]
      trace: { prompt: number }
      tolerance: { trace_atol: number; rtol: number }
    }>(join(path, 'expected.json'))
    const states = new ExpectedTensors(join(path, 'expected.safetensors')).get('trace.final_norm')
    const model = await load(path, { precision: 'exact' })
    const last = states.subarray(-model.info.config.hidden)
    const length = Math.sqrt(dot(last, last))
    const embedding = await model.embed({ tokens: prompts[trace.prompt]?.ids as number[] })
    expectWithin(
      embedding.map((value) => value * length),
      last,
      { logits_atol: tolerance.trace_atol, rtol: tolerance.rtol },
      'the last state',
    )
    await model.close()
  })

  it('generates, though names have no prefix, where a head is stored', async () => {
    const { tensors, config } = tinyCheckpoint()
    const embed = tensors.get('model.embed_tokens.weight')
    if (embed === undefined) throw new Error('the fixture has an embedding')
    const path = writeModel(folder.join('bare-head'), config, {
      'model.safetensors': packedBare(tensors, [['lm_head.weight', embed]]),
    })
    const model = await load(path)
    const original = await load(fixturePath('models', 'qwen3-tied'))
    const options = { temperature: 0, maxTokens: 8, ignoreEos: true }
    const { tokens } = await model.generate({ tokens: [3, 4] }, options).result()
    expect(tokens).toEqual((await original.generate({ tokens: [3, 4] }, options).result()).tokens)
    await Promise.all([model.close(), original.close()])
  })

  it('says which tensor is missing, by the names of its kind', async () => {
    const { tensors, config } = bareCheckpoint()
    tensors.delete('layers.1.mlp.up_proj.weight')
    const path = writeModel(folder.join('incomplete'), config, { 'model.safetensors': packedBare(tensors) })
    const { message } = await expectCode(() => load(path), 'missing_tensor')
    expect(message).toContain('"layers.1.mlp.up_proj.weight"')
    expect(rawTensors(join(path, 'model.safetensors')).size).toBe(tensors.size)
  })
})

describe('texts', () => {
  let model: Model
  beforeAll(async () => {
    model = await load(undefined, { precision: 'exact' })
  })
  afterAll(() => model.close())

  const texts = ['Once upon a time', 'The sun rises in the east.', 'A']

  it('one gives one, an array gives an array, in its order and whatever else runs', async () => {
    const all = await model.embed(texts)
    expect(all.length).toBe(3)
    for (const [i, text] of texts.entries()) {
      const alone = await model.embed(text)
      expect(alone).toBeInstanceOf(Float32Array)
      expect(alone.length).toBe(model.info.config.hidden)
      expect(all[i]).toEqual(alone)
      expect(Math.sqrt(dot(alone, alone))).toBeCloseTo(1, 6)
      expect(await model.embed({ tokens: model.tokenizer.encode(text) })).toEqual(alone)
    }
    expect(await model.embed([])).toEqual([])
    expect(await model.embed([texts[0] as string, { tokens: [1, 2] }])).toHaveLength(2)
  })

  it('an instruction goes before each of them', async () => {
    const instruction = 'Find a story'
    expect(await model.embed(texts, { instruction })).toEqual(
      await model.embed(texts.map((text) => `Instruct: Find a story\nQuery:${text}`)),
    )
  })

  it('hundreds come in order, with progress', async () => {
    const many = Array.from({ length: 300 }, (_, i) => `Story number ${i}`)
    const seen: number[] = []
    const all = await model.embed(many, {
      dimensions: 8,
      onProgress: ({ done, total }) => {
        expect(total).toBe(300)
        seen.push(done)
      },
    })
    expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
    expect(all[299]).toEqual(await model.embed('Story number 299', { dimensions: 8 }))
    expect(model.stats()).toMatchObject({ active: 0, queued: 0 })
  })

  it('an abort ends them all', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const many = Array.from({ length: 5000 }, (_, i) => `Story number ${i}`)
    const onProgress = () => controller.abort(reason)
    await expect(model.embed(many, { signal: controller.signal, onProgress })).rejects.toBe(reason)
    await expect(model.embed('A', { signal: controller.signal })).rejects.toBe(reason)
  })

  it('what onProgress throws ends the call', async () => {
    const onProgress = () => {
      throw new Error('broken')
    }
    await expect(model.embed(texts, { onProgress })).rejects.toThrow('broken')
  })

  it('says which one is wrong', async () => {
    const long = 'long '.repeat(5000)
    const { message } = await expectCode(() => model.embed(['short', long]), 'context_overflow')
    expect(message).toMatch(/^texts\[1\]: /)
    expect((await expectCode(() => model.embed(long), 'context_overflow')).message).not.toContain('texts')
    expect((await expectCode(() => model.embed(['a', 5 as never]), 'invalid_input')).message).toContain(
      'texts[1]: expected a text or { tokens }, got 5',
    )
    expect((await expectCode(() => model.embed(['a', '']), 'invalid_input')).message).toContain('texts[1]: ')
    expect((await expectCode(() => model.embed([{ tokens: [9999] }]), 'invalid_token')).message).toContain(
      'texts[0]: ',
    )
  })

  it.each([
    [{ dimensions: 0 }, 'invalid_option'],
    [{ dimensions: 257 }, 'invalid_option'],
    [{ dimensions: 1.5 }, 'invalid_option'],
    [{ instruction: 5 }, 'invalid_option'],
    [{ priority: 101 }, 'invalid_option'],
    [{ signal: {} }, 'invalid_option'],
    [{ onProgress: 5 }, 'invalid_option'],
    [{ pooling: 'mean' }, 'unsupported_option'],
  ] as const)('refuses %o', async (options, code) => {
    await expectCode(() => model.embed('A', options as object), code)
  })

  it('refuses an instruction that is too long, or too long with a text', async () => {
    const half = 'x'.repeat(2 ** 26)
    await expectCode(() => model.embed('A', { instruction: half + half + half }), 'invalid_input')
    await expectCode(() => model.embed(half, { instruction: half }), 'invalid_input')
    await expectCode(() => model.score(half, half + half), 'invalid_input')
  })

  it('refuses an instruction for tokens', async () => {
    await expectCode(() => model.embed(['A', { tokens: [1] }], { instruction: 'x' }), 'invalid_option')
  })

  it('closed, it says so', async () => {
    const doomed = await load()
    await Promise.all([expectCode(() => doomed.embed(texts), 'closed'), doomed.close()])
    await expectCode(() => doomed.embed('A'), 'closed')
  })
})

describe('the last token of a text is the one that the tokenizer puts there, if it does', () => {
  it.each([true, false])('%s', async (appends) => {
    const { tensors, config } = bareCheckpoint()
    const path = writeModel(folder.join(`appends-${appends}`), config, {
      'model.safetensors': packedBare(tensors),
      'tokenizer.json': byteTokenizer(appends),
    })
    const model = await load(path, { precision: 'exact' })
    const bytes = [...model.tokenizer.encode('Hi', { addSpecialTokens: false })]
    const end = model.tokenizer.idOf('<|endoftext|>') as number
    expect(bytes.length).toBe(2)
    expect(await model.embed('Hi')).toEqual(await model.embed({ tokens: appends ? [...bytes, end] : bytes }))
    if (appends) expect(await model.embed('')).toEqual(await model.embed({ tokens: [end] }))
    await model.close()
  })
})
