import type { Command } from 'commander'
import { type GenerateOptions, type GenerationResult, load } from '../index.js'
import { addModelFlags, decimal, loadOptions, type ModelFlags, progressLine, whole } from './model-flags.js'
import { outputOf } from './output.js'

interface Flags extends ModelFlags {
  maxTokens?: number
  temperature?: number
  topK?: number
  topP?: number
  minP?: number
  seed?: number
  json?: boolean
  stats?: boolean
}

export function register(program: Command): void {
  const { out, err } = outputOf(program)
  const command = program
    .command('generate')
    .description('continue a text, as it stands, and stream what comes')
    .argument('[prompt]', 'the text (default: read from standard input)')
  addModelFlags(command)
    .option('--max-tokens <n>', 'tokens to generate at most (default: what the context holds)', whole)
    .option('--temperature <t>', '0 always takes the likeliest token', decimal)
    .option('--top-k <n>', 'sample among the likeliest tokens; 0: all', whole)
    .option('--top-p <p>', 'sample among the likeliest tokens up to this probability; 1: all', decimal)
    .option(
      '--min-p <p>',
      'sample among tokens at least this share as likely as the likeliest; 0: all',
      decimal,
    )
    .option('--seed <n>', 'makes sampling repeatable', whole)
    .option('--stats', 'print speed and token counts to standard error at the end')
    .option('--json', 'print one JSON object at the end instead of streaming')
    .action(async (argument: string | undefined, flags: Flags) => {
      const prompt = argument ?? (await readInput())
      const progress = progressLine(err)
      const model = await load(flags.model, { ...loadOptions(flags), onProgress: progress.show })
      progress.end()
      const interrupt = new AbortController()
      const onInterrupt = () => interrupt.abort(new Error('interrupted'))
      process.once('SIGINT', onInterrupt)
      try {
        const generation = model.generate(prompt, generateOptions(flags))
        interrupt.signal.addEventListener('abort', () => generation.cancel())
        if (!flags.json) {
          for await (const text of generation) out(text)
          out('\n')
        }
        const result = await generation.result()
        if (flags.json) out(`${JSON.stringify({ prompt, ...result, tokens: [...result.tokens] }, null, 2)}\n`)
        if (flags.stats) err(describe(result))
        if (interrupt.signal.aborted) process.exitCode = 130
      } finally {
        process.off('SIGINT', onInterrupt)
        await model.close()
      }
    })
}

function generateOptions({ maxTokens, temperature, topK, topP, minP, seed }: Flags): GenerateOptions {
  const given = { maxTokens, temperature, topK, topP, minP, seed }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

async function readInput(): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin) text += chunk
  return text
}

function describe({ usage, timings, finishReason, seed }: GenerationResult): string {
  return (
    `${usage.promptTokens} + ${usage.completionTokens} tokens, ${finishReason}, seed ${seed}; ` +
    `first token after ${timings.firstTokenMs.toFixed(0)} ms, prompt ${timings.prefillTokensPerSecond.toFixed(1)} tokens/s, ` +
    `text ${timings.decodeTokensPerSecond.toFixed(1)} tokens/s\n`
  )
}
