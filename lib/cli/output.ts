import type { Command } from 'commander'

/** Where a command writes: data to `out`, everything else to `err`. */
export interface Output {
  out(text: string): void
  err(text: string): void
}

export const processOutput: Output = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
}

/** Where the commands of a program write. */
export function outputOf(program: Command): Output {
  const { writeOut, writeErr } = program.configureOutput()
  return { out: writeOut ?? processOutput.out, err: writeErr ?? processOutput.err }
}
