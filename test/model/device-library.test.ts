// QUERN_DEVICE_LIBRARY: the device that models run on, for whoever develops one.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { load } from '../../lib/index.js'
import { quern } from '../cli/quern.js'
import { fixturePath } from '../golden.js'
import { expectCode } from './expect-code.js'

const given = process.env.QUERN_DEVICE_LIBRARY
/** Where the scripts test-late.mjs and test-cuda.mjs have these tests run. */
const expected = given ? 'late' : process.env.QUERN_CUDA_LIBRARY ? 'cuda' : 'cpu'

afterEach(() => vi.unstubAllEnvs())

describe('QUERN_DEVICE_LIBRARY', () => {
  it('names the device that models run on', async () => {
    const model = await load()
    expect(model.info.device).toBe(expected)
    await model.close()
  })

  it('has no limits that bench could compare with', async () => {
    const { out } = await quern('bench', '--prompt', '8', '--generate', '4', '--runs', '1', '--threads', '1')
    expect(out.match(/no limit known/g) ?? []).toHaveLength(expected === 'cpu' ? 0 : 2)
  })

  it('that is not there', async () => {
    vi.stubEnv('QUERN_DEVICE_LIBRARY', fixturePath('no-device.so'))
    const error = await expectCode(() => load(), 'missing_file')
    expect(error.message).toBe(
      `${fixturePath('no-device.so')}: expected a device library, got no file that can be read`,
    )
  })

  it('that is something else', async () => {
    vi.stubEnv('QUERN_DEVICE_LIBRARY', fixturePath('tiny', 'expected.json'))
    const error = await expectCode(() => load(), 'device_mismatch')
    expect(error.message).toContain('expected a device library that this system can load, got: ')
  })

  it('is not for who asks for the CPU', async () => {
    vi.stubEnv('QUERN_DEVICE_LIBRARY', fixturePath('no-device.so'))
    const model = await load(undefined, { device: 'cpu' })
    expect(model.info.device).toBe('cpu')
    await model.close()
  })
})
