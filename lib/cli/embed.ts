import type { Command } from 'commander'
import { type EmbedOptions, QuernError } from '../index.js'
import { interruptible } from './interruptible.js'
import { demoNote, loadModel, ProgressLine } from './load-model.js'
import { addModelFlags, type ModelFlags, whole } from './model-flags.js'
import { outputOf } from './output.js'
import { isPiped, readInput } from './standard-input.js'

interface Flags extends ModelFlags {
  dimensions?: number
  instruction?: string
  json?: boolean
}

/** Texts whose embeddings are printed at once. */
const textsAtOnce = 1024

export function register(program: Command): void {
  const { out, err } = outputOf(program)
  const command = program
    .command('embed')
    .description('print the embeddings of texts: a JSON array of numbers a line')
    .argument('[texts...]', 'the texts (default: the lines of standard input)')
  addModelFlags(command)
    .option(
      '--dimensions <n>',
      "keep the first numbers, normalised anew (default: all of the model's)",
      whole,
    )
    .option('--instruction <text>', 'what the texts are asked for: makes queries of them')
    .option('--json', 'print one JSON object at the end, with the texts')
    .action(async (given: string[], flags: Flags) => {
      const { dimensions, instruction } = flags
      const options = {
        ...(dimensions !== undefined && { dimensions }),
        ...(instruction !== undefined && { instruction }),
      }
      const texts = given.length > 0 ? given : await readLines(err)
      if (texts.length === 0)
        throw new QuernError('invalid_input', 'there is no text: give some as arguments, or pipe lines in')
      if (flags.model === undefined && process.stderr.isTTY) err(`${demoNote}\n`)
      await interruptible((signal) => print(texts, flags, { ...options, signal }, out, err))
    })
}

async function print(
  texts: readonly string[],
  flags: Flags,
  options: EmbedOptions,
  out: (text: string) => void,
  err: (text: string) => void,
): Promise<void> {
  const model = await loadModel(flags, err, options.signal ? { signal: options.signal } : {})
  const line = new ProgressLine(err)
  const embeddings: { text: string; embedding: number[] }[] = []
  try {
    for (let first = 0; first < texts.length; first += textsAtOnce) {
      const some = texts.slice(first, first + textsAtOnce)
      const onProgress = ({ done }: { done: number }) =>
        line.tell(`embedding ${first + done} of ${texts.length}`)
      const vectors = await model.embed(some, { ...options, onProgress })
      line.erase()
      for (const [i, vector] of vectors.entries()) {
        const embedding = Array.from(vector, shortest)
        if (flags.json) embeddings.push({ text: some[i] as string, embedding })
        else out(`${JSON.stringify(embedding)}\n`)
      }
    }
    const dimensions = embeddings[0]?.embedding.length
    if (flags.json) out(`${JSON.stringify({ model: model.info.source, dimensions, embeddings })}\n`)
  } finally {
    line.erase()
    await model.close()
  }
}

/** Nine digits tell every float32 from its neighbours. */
function shortest(number: number): number {
  return Number(number.toPrecision(9))
}

async function readLines(err: (text: string) => void): Promise<string[]> {
  if (!isPiped()) err('Type or paste the texts, one a line; Ctrl-D ends them, Ctrl-C leaves.\n')
  const text = await readInput()
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}
