import { createReadStream } from 'node:fs'
import type { Command } from 'commander'
import { type Model, type Perplexity, QuernError, type Score } from '../index.js'
import { interruptible } from './interruptible.js'
import { demoNote, loadModel, ProgressLine } from './load-model.js'
import { addModelFlags, type ModelFlags, whole } from './model-flags.js'
import { outputOf } from './output.js'
import { readText } from './read-text.js'
import { isPiped, readInput } from './standard-input.js'

interface Flags extends ModelFlags {
  file?: string
  topLogprobs?: number
  window?: number
  stride?: number
  json?: boolean
}

export function register(program: Command): void {
  const { out, err } = outputOf(program)
  const command = program
    .command('score')
    .description('tell how likely a continuation is after a prompt, or the perplexity of a text')
    .argument('[prompt]', 'what comes before (without one: the perplexity of --file or of standard input)')
    .argument('[continuation]', 'what its probability is wanted of')
  addModelFlags(command)
    .option('--file <path>', 'tell the perplexity of this text')
    .option('--top-logprobs <n>', 'tell the likeliest tokens in each place of the continuation too', whole)
    .option('--window <n>', 'perplexity: tokens seen at a time (default: what the context holds)', whole)
    .option('--stride <n>', 'perplexity: tokens from one window to the next (default: half a window)', whole)
    .option('--json', 'print one JSON object')
    .action(async (prompt: string | undefined, continuation: string | undefined, flags: Flags) => {
      checkUsage(prompt, continuation, flags)
      const text = prompt === undefined ? await readGiven(flags, err) : undefined
      if (flags.model === undefined && process.stderr.isTTY) err(`${demoNote}\n`)
      await interruptible(async (signal) => {
        const model = await loadModel(flags, err, { signal })
        try {
          if (text !== undefined) {
            const found = await perplexityOf(text, model, flags, signal, err)
            out(flags.json ? `${JSON.stringify(found, null, 2)}\n` : describePerplexity(found))
          } else {
            const top = flags.topLogprobs
            const options = { signal, ...(top !== undefined && { topLogprobs: top }) }
            const score = await model.score(prompt as string, continuation as string, options)
            out(
              flags.json
                ? `${JSON.stringify({ prompt, continuation, ...score }, null, 2)}\n`
                : describeScore(score),
            )
          }
        } finally {
          await model.close()
        }
      })
    })
}

function checkUsage(
  prompt: string | undefined,
  continuation: string | undefined,
  { file, topLogprobs, window, stride }: Flags,
): void {
  const refuse = (message: string) => new QuernError('invalid_option', message)
  if (prompt !== undefined && continuation === undefined)
    throw refuse('a prompt wants a continuation: give both, or neither for the perplexity of a text')
  if (prompt !== undefined && file !== undefined)
    throw refuse('--file is for a perplexity: give it alone, or prompt and continuation')
  if (prompt !== undefined && (window ?? stride) !== undefined)
    throw refuse('--window and --stride are for a perplexity, without a prompt')
  if (prompt === undefined && topLogprobs !== undefined)
    throw refuse('--top-logprobs is for a continuation: give a prompt and a continuation')
}

async function readGiven({ file }: Flags, err: (text: string) => void): Promise<string> {
  if (file !== undefined) return readText(file, createReadStream(file), err)
  if (!isPiped()) err('Type or paste the text; Ctrl-D ends it, Ctrl-C leaves.\n')
  return readInput(err)
}

async function perplexityOf(
  text: string,
  model: Model,
  { window, stride }: Flags,
  signal: AbortSignal,
  err: (text: string) => void,
): Promise<Perplexity> {
  const line = new ProgressLine(err)
  try {
    return await model.perplexity(text, {
      signal,
      ...(window !== undefined && { window }),
      ...(stride !== undefined && { stride }),
      onProgress: ({ done, total }) => line.tell(`window ${done} of ${total}`),
    })
  } finally {
    line.erase()
  }
}

function describePerplexity({ perplexity, nll, tokens }: Perplexity): string {
  return `perplexity ${perplexity.toFixed(3)}, ${nll.toFixed(4)} nats a token, ${tokens} tokens\n`
}

function describeScore({ logprob, tokens }: Score): string {
  const rows = tokens.map(({ token, logprob, top }) => {
    const others = top.map((one) => `${JSON.stringify(one.token)} ${one.logprob.toFixed(2)}`).join('  ')
    return `${logprob.toFixed(4).padStart(10)}  ${JSON.stringify(token)}${others && `   (${others})`}`
  })
  const whole = `${logprob.toFixed(4).padStart(10)}  in all, a probability of ${Math.exp(logprob).toPrecision(3)}`
  return `${[...rows, whole].join('\n')}\n`
}
