import { run } from '../../lib/cli/run.js'

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
