// Models whose config.json does not say how they were trained to tell positions apart: the caller does.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { load, type PositionEncoding } from '../../lib/index.js'
import { quern } from '../cli/quern.js'
import { goldenPath, goldensPresent, readJson, requireGoldens } from '../golden.js'
import { packTensors, rawTensors, writeModel } from './edit-checkpoint.js'
import { expectGreedy, expectLogits } from './expect-golden.js'
import { temporaryFolder } from './temporary.js'

const temporary = temporaryFolder()

requireGoldens()
describe.skipIf(!goldensPresent)('positionEncoding', () => {
  it.each<[string, PositionEncoding]>([
    ['alibi', 'alibi'],
    ['alibi-6-heads', 'alibi'],
    ['rope-plus-alibi', 'rope+alibi'],
  ])('%s: %s, asked for at load, has the logits', async (name, positionEncoding) => {
    const path = goldenPath('models', name)
    const { position_encoding, ...config } = readJson<Record<string, unknown>>(join(path, 'config.json'))
    expect(position_encoding).toBe(positionEncoding)
    const folder = writeModel(temporary.join(name), config, {
      'model.safetensors': packTensors(rawTensors(join(path, 'model.safetensors'))),
    })
    const model = await load(folder, { positionEncoding, precision: 'exact', contextLength: 512 })
    await expectLogits(model, path)
    await expectGreedy(model, path)
    await model.close()
    const plain = await load(folder, { precision: 'exact', contextLength: 512 })
    await expect(expectLogits(plain, path)).rejects.toThrow('distance in tolerances')
    await plain.close()
  })

  it.each([
    ['alibi', 'alibi'],
    ['rope-plus-alibi', 'rope+alibi'],
    ['qwen3-tied', 'rope'],
  ])('quern inspect says of %s: %s', async (name, encoding) => {
    const { out } = await quern('inspect', goldenPath('models', name))
    expect(out.split('\n')).toContain(`positions      ${encoding}`)
    expect(out.includes('\nrotary ')).toBe(encoding !== 'alibi')
  })
})

describe('--position-encoding', () => {
  const generate = async (...flags: string[]) => {
    const sampling = ['--temperature', '0', '--max-tokens', '24', '--precision', 'exact']
    return quern('generate', 'Once upon a time', ...sampling, ...flags)
  }

  it.each<PositionEncoding>(['rope', 'alibi', 'rope+alibi'])(
    '%s is the option of load()',
    async (positionEncoding) => {
      const model = await load(undefined, { positionEncoding, precision: 'exact' })
      const text = await model.generate('Once upon a time', { temperature: 0, maxTokens: 24 }).text()
      await model.close()
      expect(await generate('--position-encoding', positionEncoding)).toMatchObject({
        code: 0,
        out: `${text}\n`,
      })
    },
  )

  it('is the usage of another', async () => {
    const { code, err } = await generate('--position-encoding', 'sinus')
    expect({ code, err }).toMatchObject({
      code: 2,
      err: expect.stringMatching(/positionEncoding.*"rope\+alibi"/),
    })
  })
})
