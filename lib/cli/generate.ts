import type { Command } from 'commander'
import { type GenerationResult, type ModelInfo, QuernError } from '../index.js'
import { demoNote, loadModel } from './load-model.js'
import { addModelFlags, type ModelFlags } from './model-flags.js'
import { outputOf } from './output.js'
import { placeOf } from './place.js'
import { addSamplingFlags, type SamplingFlags, samplingOptions } from './sampling-flags.js'
import { isPiped, readInput } from './standard-input.js'

interface Flags extends ModelFlags, SamplingFlags {
  json?: boolean
  stats?: boolean
}

export function register(program: Command): void {
  const { out, err } = outputOf(program)
  const command = program
    .command('generate')
    .description('continue a text, as it stands, and stream what comes')
    .argument('[prompt]', 'the text (default: read from standard input)')
  addSamplingFlags(addModelFlags(command))
    .option('--stats', 'print speed and token counts to standard error at the end')
    .option('--json', 'print one JSON object at the end instead of streaming')
    .action(async (argument: string | undefined, flags: Flags) => {
      if (argument === undefined && !isPiped())
        err('Type or paste the text to continue; Ctrl-D ends it, Ctrl-C leaves.\n')
      const prompt = argument ?? (await readInput(err))
      if (prompt === '') {
        throw new QuernError('invalid_input', 'there is no prompt: give one as an argument, or pipe one in')
      }
      if (flags.model === undefined && process.stderr.isTTY) err(`${demoNote}\n`)
      const model = await loadModel(flags, err)
      const interrupt = new AbortController()
      const onInterrupt = () => interrupt.abort(new Error('interrupted'))
      process.once('SIGINT', onInterrupt)
      try {
        const generation = model.generate(prompt, samplingOptions(flags))
        interrupt.signal.addEventListener('abort', () => generation.cancel())
        if (!flags.json) {
          for await (const text of generation) out(text)
          out('\n')
        }
        const result = await generation.result()
        if (flags.json) out(`${JSON.stringify({ prompt, ...result, tokens: [...result.tokens] }, null, 2)}\n`)
        if (flags.stats) err(describe(result, model.info))
        if (interrupt.signal.aborted) process.exitCode = 130
      } finally {
        process.off('SIGINT', onInterrupt)
        await model.close()
      }
    })
}

function describe({ usage, timings, finishReason, seed }: GenerationResult, info: ModelInfo): string {
  return (
    `${usage.promptTokens} + ${usage.completionTokens} tokens, ${finishReason}, seed ${seed}; ` +
    `first token after ${timings.firstTokenMs.toFixed(0)} ms, prompt ${timings.prefillTokensPerSecond.toFixed(1)} tokens/s, ` +
    `text ${timings.decodeTokensPerSecond.toFixed(1)} tokens/s; on ${placeOf(info)}\n`
  )
}
