// Tests of what quern is deployed with, which need more than npm ci gives: `npm run test:deploy`.
import { defineConfig } from 'vitest/config'

const hang = 600_000

export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    maxWorkers: 1,
    include: ['test/deploy/**/*.test.ts'],
    testTimeout: hang,
    hookTimeout: hang,
  },
})
