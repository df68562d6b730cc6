import { afterEach, expect, test, vi } from 'vitest'
import { doctor, type MatrixProduct } from '../../lib/index.js'
import { quern } from './quern.js'

afterEach(() => vi.unstubAllEnvs())

test('tells what the machine offers', async () => {
  const { code, out } = await quern('doctor')
  expect(code).toBe(0)
  expect(out).toMatch(/^platform +linux-x64, Node \d/)
  expect(out).toMatch(/^instructions +baseline/m)
  expect(out).not.toContain('GFLOP')
  expect(out).toMatch(/^int4 +Q4_0, kernel for \w+, activations of 8 bits/m)
  expect(out).toMatch(/^bf16 +BF16, kernel for \w+$/m)
})

test('--json is the report, --measure its limits', async () => {
  const { out } = await quern('doctor', '--json', '--measure', '--threads', '1')
  const { processors, isas, products, limits } = JSON.parse(out)
  expect(processors).toBeGreaterThan(0)
  expect(limits).toMatchObject({ isa: isas.at(-1), threads: 1 })
  expect(limits.memoryGBs).toBeGreaterThan(0.1)
  expect(limits.gflops).toBeGreaterThan(0.1)
  // The best that the machine has; where activations stay as they are, that of floats.
  for (const dtype of ['f32', 'f16', 'bf16', 'int8', 'int4']) {
    for (const precision of ['fast', 'exact']) {
      const found = products.filter(
        (one: MatrixProduct) => one.dtype === dtype && one.precision === precision,
      )
      expect(found, `${dtype} ${precision}`).toEqual([
        {
          dtype,
          precision,
          format: { int8: 'Q8_0', int4: 'Q4_0' }[dtype] ?? dtype.toUpperCase(),
          isa: expect.toBeOneOf(isas),
          activations: dtype.startsWith('int') && precision === 'fast' ? 'int8' : 'f32',
          gops: expect.any(Number),
        },
      ])
      expect(found[0].gops).toBeGreaterThan(0.1)
    }
  }
})

test('tells what QUERN_DEVICE_LIBRARY names', async () => {
  vi.stubEnv('QUERN_DEVICE_LIBRARY', '')
  expect((await quern('doctor')).out).not.toContain('QUERN_DEVICE_LIBRARY')
  vi.stubEnv('QUERN_DEVICE_LIBRARY', '/nowhere/device.so')
  expect((await quern('doctor')).out).toMatch(
    /^library +\/nowhere\/device\.so \(QUERN_DEVICE_LIBRARY\): with device 'auto' models run on it$/m,
  )
})

test('tells the kernels of another instruction set', async () => {
  const { products } = await doctor({ isa: 'baseline' })
  expect(new Set(products.map(({ isa }) => isa))).toEqual(new Set(['baseline']))
})
