import { describe, expect, it } from 'vitest'
import { inspect, planText } from '../../lib/index.js'
import { fixturePath } from '../golden.js'
import { quern } from './quern.js'

describe('quern', () => {
  it('prints help and its version', async () => {
    expect(await quern('--help')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('inspect') })
    expect(await quern('--version')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    })
    expect(await quern('inspect', '--help')).toMatchObject({
      code: 0,
      out: expect.stringContaining('--plan'),
    })
  })

  it('gives 2 for wrong usage', async () => {
    expect(await quern()).toMatchObject({ code: 2, out: '' })
    expect(await quern('nonsense')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^error: unknown command.*\(quern --help tells more\)\n$/s),
    })
    expect(await quern('inspect', '--nonsense')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^error: unknown option.*\(quern inspect --help tells more\)\n$/s),
    })
    expect(await quern('inspect', 'a', 'b')).toMatchObject({ code: 2 })
    expect(await quern('inspect', '--json', '--plan')).toMatchObject({ code: 2 })
  })

  it('gives 1 for a failure, with its code', async () => {
    const { code, out, err } = await quern('inspect', '/absent')
    expect({ code, out, err }).toEqual({
      code: 1,
      out: '',
      err: 'error: "/absent": no such file or folder (missing_file)\n',
    })
  })
})

describe('quern inspect', () => {
  it('describes the bundled model', async () => {
    const { code, out } = await quern('inspect')
    expect(code).toBe(0)
    expect(out).toMatch(
      /^path +.*models\/tiny\narchitecture +qwen3\nparameters +5,443,584\nweights +10\.9 MB \(bf16\)\nin memory +f32 21\.8 MB, f16 10\.9 MB, bf16 10\.9 MB, int8 5\.80 MB, int4 3\.73 MB\n/,
    )
  })

  it('lists the tensors of a bare file', async () => {
    const { out } = await quern(
      'inspect',
      fixturePath('models', 'bad', 'safetensors', 'ok-unsorted.safetensors'),
    )
    expect(out).toMatch(/\n {2}a F?f?\w+ \[/)
    expect(out).not.toContain('context')
  })

  it('prints JSON', async () => {
    const { out } = await quern('inspect', 'random:qwen3-0.6b', '--json')
    const { plan, ...model } = await inspect('random:qwen3-0.6b')
    expect(JSON.parse(out)).toEqual(model)
  })

  it('prints the plan', async () => {
    const path = fixturePath('models', 'qwen3-tied')
    const { plan } = await inspect(path)
    expect(plan && planText(plan)).toBe((await quern('inspect', '--model', path, '--plan')).out)
    expect(
      await quern(
        'inspect',
        '--plan',
        fixturePath('models', 'bad', 'safetensors', 'ok-unsorted.safetensors'),
      ),
    ).toMatchObject({ code: 1 })
  })
})
