import { availableParallelism, loadavg } from 'node:os'
import { defineConfig } from 'vitest/config'

/** Milliseconds after which a test that says nothing else hangs: 30 s where the machine is free, more where others use it. */
const hang = 30_000 * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())

/** Tests of what needs no model, hence one core. What compares times with each other runs alone. */
const modelless = ['test/chat/!(linear).test.ts', 'test/files/**/*.test.ts', 'test/scripts/**/*.test.ts']

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
          exclude: ['test/fixtures/**', ...modelless],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
