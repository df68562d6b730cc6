import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { chromium } from './installed.ts'

/** Milliseconds after which a test hangs. */
const hang = 120_000

/** Without a browser one test says so, and the others are not run. */
const include = existsSync(chromium) ? ['test/page/**/*.test.ts'] : ['test/page/installed.test.ts']

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include,
    pool: 'forks',
    maxWorkers: 1,
    retry: 2, // a browser on a busy machine may be late for once; what is wrong is so each time
    testTimeout: hang,
    hookTimeout: hang,
  },
})
