import { expect, test } from 'vitest'
import { makeTree, runScript } from './tree.js'

test('files at their limits are fine', () => {
  const root = makeTree({
    'lib/a.ts': 'a\n'.repeat(350),
    'native/core/a.cc': 'a\n'.repeat(450),
    'native/backend/cpu/kernels/a.cc': 'a\n'.repeat(500),
    'README.md': 'a\n'.repeat(120),
    'ARCHITECTURE.md': `${'a\n'.repeat(199)}a`,
    'test/fixtures/long.ts': 'a\n'.repeat(1000),
  })
  const { exitCode, lines } = runScript('check-sizes.mjs', root)
  expect(lines).toEqual(['sizes: 3 files, fixtures 0.0 MB'])
  expect(exitCode).toBe(0)
})

test('what is over its limit is named with both numbers', () => {
  const root = makeTree({
    'lib/a.ts': 'a\n'.repeat(351),
    'lib/string-utils.ts': '',
    'lib/utilise.ts': '',
    'native/core/a.h': 'a\n'.repeat(451),
    'native/backend/cuda/kernels/a.cu': 'a\n'.repeat(501),
    'README.md': 'a\n'.repeat(121),
    'ARCHITECTURE.md': 'a\n'.repeat(201),
    'test/fixtures/big.bin': 'a'.repeat(10_000_000),
  })
  const { exitCode, lines } = runScript('check-sizes.mjs', root)
  expect(lines).toEqual([
    'sizes: 7 problems',
    '  lib/a.ts: 351 lines, at most 350',
    '  lib/string-utils.ts: named after nothing it does',
    '  native/backend/cuda/kernels/a.cu: 501 lines, at most 500',
    '  native/core/a.h: 451 lines, at most 450',
    '  README.md: 121 lines, at most 120',
    '  ARCHITECTURE.md: 201 lines, at most 200',
    '  test/fixtures: 10.0 MB, less than 10 MB wanted',
  ])
  expect(exitCode).toBe(1)
})
