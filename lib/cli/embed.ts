import type { Command } from 'commander'
import { type EmbedOptions, QuernError, type QuernErrorCode } from '../index.js'
import { interruptible } from './interruptible.js'
import { demoEmbedNote, loadModel, ProgressLine } from './load-model.js'
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
/** Errors that are about one text. */
const codesOfTexts: ReadonlySet<QuernErrorCode> = new Set([
  'invalid_input',
  'context_overflow',
  'kv_cache_too_small',
  'not_finite',
])

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
      const areLines = given.length === 0
      const texts = areLines ? await readLines(err) : given
      if (texts.length === 0)
        throw new QuernError('invalid_input', 'there is no text: give some as arguments, or pipe lines in')
      if (flags.model === undefined && process.stderr.isTTY) err(`${demoEmbedNote}\n`)
      const nameOf = (index: number) =>
        areLines ? `line ${index + 1} of standard input` : `text ${index + 1}`
      await interruptible((signal) => print(texts, nameOf, flags, { ...options, signal }, out, err))
    })
}

async function print(
  texts: readonly string[],
  nameOf: (index: number) => string,
  flags: Flags,
  options: EmbedOptions,
  out: (text: string) => void,
  err: (text: string) => void,
): Promise<void> {
  const model = await loadModel(flags, err, options.signal ? { signal: options.signal } : {})
  const line = new ProgressLine(err)
  const gathered: string[] = [] // for --json: put out at the end, in pieces, since one text may be too long for a string
  try {
    for (let first = 0; first < texts.length; first += textsAtOnce) {
      const some = texts.slice(first, first + textsAtOnce)
      let done = first
      // Each by itself: an error of embed() for several would number them from 0 on, and anew each time.
      const embedOne = async (text: string, index: number) => {
        try {
          const vector = await model.embed(text, options)
          line.tell(`embedding ${++done} of ${texts.length}`)
          return vector
        } catch (error) {
          throw blame(nameOf(first + index), error)
        }
      }
      const vectors = await Promise.all(some.map(embedOne))
      line.erase()
      for (const [i, vector] of vectors.entries()) {
        const embedding = Array.from(vector, shortest)
        if (flags.json) gathered.push(JSON.stringify({ text: some[i], embedding }))
        else out(`${JSON.stringify(embedding)}\n`)
      }
    }
    if (flags.json) {
      const dimensions = options.dimensions ?? model.info.config.hidden
      out(`{"model":${JSON.stringify(model.info.source)},"dimensions":${dimensions},"embeddings":[`)
      for (const [i, text] of gathered.entries()) out(i === 0 ? text : `,${text}`)
      out(']}\n')
    }
  } finally {
    await model.close()
    line.erase()
  }
}

function blame(name: string, error: unknown): unknown {
  if (!(error instanceof QuernError) || !codesOfTexts.has(error.code)) return error
  return new QuernError(error.code, `${name}: ${error.message}`, { value: error.value, cause: error })
}

/** Nine digits tell every float32 from its neighbours. */
function shortest(number: number): number {
  return Number(number.toPrecision(9))
}

async function readLines(err: (text: string) => void): Promise<string[]> {
  if (!isPiped()) err('Type or paste the texts, one a line; Ctrl-D ends them, Ctrl-C leaves.\n')
  const text = await readInput(err)
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}
