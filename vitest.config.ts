import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { clientsInstalled } from './test/clients/installed.js'

/**
 * Milliseconds after which a test hangs. The longest take 15 s on two free cores, and twenty times that beside ten busy processes at half the
 * speed; a bound that means more than a hang stands in its test, in processor time or in ratios.
 */
const hang = 300_000

/** Tests of clients that are not there. */
const clientless = clientsInstalled ? [] : ['test/clients/!(installed).test.ts']

/** Tests with a configuration and a script of their own: what they need is not installed by `npm ci`. */
const elsewhere = ['test/page/**', 'test/deploy/**']

/** On a GPU that is computed: scripts/test-cuda.mjs runs them, with the library that it has built. */
const cuda = process.env.QUERN_CUDA_LIBRARY ? [] : ['test/cuda/**']

/** Tests of what needs no model, hence one core. What compares times with each other runs alone. */
const modelless = [
  'test/chat/!(contains|linear).test.ts',
  'test/checkpoint/{bad-files,config*,golden-folders,mutated-folders,plan,random,rope-config,safetensors}.test.ts',
  'test/files/!(json-pieces).test.ts',
  'test/jinja/**/*.test.ts',
  'test/scripts/**/*.test.ts',
  'test/tokenizer/!(tokenizer).test.ts',
  'test/web/**/*.test.ts',
]

export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    testTimeout: hang,
    hookTimeout: hang,
    projects: [
      {
        extends: true,
        test: {
          name: 'no model',
          include: modelless,
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      {
        // The addon owns threads: a process per file, one at a time, since every model uses all cores.
        extends: true,
        test: {
          name: 'models',
          include: ['test/**/*.test.ts'],
          exclude: [
            '**/node_modules/**',
            'test/fixtures/**',
            ...elsewhere,
            ...cuda,
            ...clientless,
            ...modelless,
          ],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
