import { availableParallelism, loadavg } from 'node:os'
import { defineConfig } from 'vitest/config'

/** Milliseconds after which a test that says nothing else hangs: 30 s where the machine is free, more where others use it. */
const hang = 30_000 * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())

export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    exclude: ['test/fixtures/**'],
    // The addon owns threads: a process per file, one at a time, since every model uses all cores.
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: hang,
    hookTimeout: hang,
  },
})
