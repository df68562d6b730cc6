import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { run } from '../../lib/cli/run.js'

const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Runs a command line in this process; gives its exit code and what it wrote. */
export async function quern(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const output = {
    out: (text: string) => {
      out += text
    },
    err: (text: string) => {
      err += text
    },
  }
  return { code: await run(argv, output), out, err }
}

/** Runs a command line in a process of its own, which has `input` on its standard input. */
export function quernFed(input: string | Uint8Array, ...argv: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [command, ...argv], { input, encoding: 'utf8', timeout: 120_000 })
}
