import type { Command } from 'commander'
import type { BatchProgress } from '../batch/index.js'
import { demoNote, ProgressLine, warningLine } from './load-model.js'
import { addLoadFlags, decimal, loadOptions, type ModelFlags, whole } from './model-flags.js'
import { outputOf } from './output.js'
import { servedSources } from './served-sources.js'
import { span } from './span.js'

interface Flags extends Omit<ModelFlags, 'model'> {
  model?: string[]
  errors?: string
  concurrency?: number
  timeout?: number
  maxTokens?: number
}

export function register(program: Command): void {
  const { err } = outputOf(program)
  const command = program
    .command('batch')
    .description("answer a file of requests in OpenAI's batch format; the same command goes on where it was")
    .argument('<input>', 'the requests, a JSON object a line')
    .argument('<output>', 'the file that answers are added to')
    .option(
      '--model <model>',
      'a folder, a model of the hub (org/name) or a random: id, or NAME=one of them, as requests name it; may be given several times (default: the bundled model)',
      oneMore,
    )
  addLoadFlags(command)
    .option('--errors <file>', 'where failures go (default: into the output)')
    .option('--concurrency <n>', 'requests that run at the same time (default: 64)', whole)
    .option('--timeout <seconds>', 'that a request may take (default: as long as it takes)', decimal)
    .option('--max-tokens <n>', 'that a request may generate (default: what the context has room for)', whole)
    .action(async (input: string, output: string, flags: Flags) => {
      const { runBatch } = await import('../batch/index.js')
      const { errors, concurrency, timeout, maxTokens, model = [] } = flags
      const line = new ProgressLine(err)
      const options = {
        ...loadOptions(flags),
        onWarning: (message: string) => line.print(warningLine(message)),
      }
      const models = Object.fromEntries(
        [...servedSources(model)].map(([name, source]) => [name, { source, options }]),
      )
      if (model.length === 0 && process.stderr.isTTY) err(`${demoNote}\n`)
      const interrupt = new AbortController()
      const stop = (signal: NodeJS.Signals) => {
        process.exitCode = signal === 'SIGINT' ? 130 : 143
        if (interrupt.signal.aborted) process.exit() // what has its answer is in the file
        line.print('requests that run are ended; once more to leave at once\n')
        interrupt.abort()
      }
      process.on('SIGINT', stop).on('SIGTERM', stop)
      const began = performance.now()
      let latest: BatchProgress | undefined
      try {
        const end = await runBatch({
          ...{ input, output, errors, models, concurrency, timeout, maxTokens },
          signal: interrupt.signal,
          onProgress: (progress) => {
            latest = progress
            line.tell(describe(progress, performance.now() - began))
          },
        })
        line.erase()
        err(`${conclusion(end, performance.now() - began, errors ?? output)}\n`)
      } catch (error) {
        line.erase()
        if (latest && latest.done > latest.before)
          err(`${conclusion(latest, performance.now() - began, errors ?? output)}\n`)
        throw error
      } finally {
        line.erase()
        // Once told to end, the process says with its exit code that it was, however late it is told again.
        if (!interrupt.signal.aborted) process.off('SIGINT', stop).off('SIGTERM', stop)
      }
    })
}

/** `120 of 500, 3 failed, 412 tokens/s, 2 min left`. */
function describe(progress: BatchProgress, ms: number): string {
  const { total, done, before } = progress
  const left = done > before ? `, ${span((ms / (done - before)) * (total - done))} left` : ''
  return `${counted(progress)}${speed(progress, ms)}${left}`
}

function conclusion(progress: BatchProgress, ms: number, failures: string): string {
  const { total, done, before, failed } = progress
  const earlier = before > 0 ? `, ${before} of them before` : ''
  const where = failed > 0 ? `; the failures are in ${failures}` : ''
  const rest = done < total ? '; the same command goes on' : ''
  return `${counted(progress)}${earlier}, in ${span(ms)}${speed(progress, ms)}${where}${rest}`
}

function counted({ total, done, failed }: BatchProgress): string {
  return `${done} of ${total}${failed > 0 ? `, ${failed} failed` : ''}`
}

function speed({ promptTokens, completionTokens }: BatchProgress, ms: number): string {
  const rate = (tokens: number) => (tokens / (ms / 1e3)).toFixed(0)
  if (promptTokens + completionTokens === 0) return ''
  return `, ${rate(promptTokens)} tokens/s read and ${rate(completionTokens)} generated`
}

function oneMore(text: string, before: string[] = []): string[] {
  return [...before, text]
}
