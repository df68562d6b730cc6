import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const soak = fileURLToPath(new URL('../soak/soak.mjs', import.meta.url))

it('a short soak leaves nothing behind', async () => {
  const args = ['--expose-gc', soak, '--minutes', '0.12', '--round-seconds', '1']
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toContain('"problems": []')
})
