import type { Command } from 'commander'
import { load, type Model, QuernError, type Session, type SessionOptions } from '../index.js'
import { ChatTerminal, speedLine } from './chat-terminal.js'
import { addModelFlags, loadOptions, type ModelFlags, progressLine } from './model-flags.js'
import { type Output, outputOf } from './output.js'
import { addSamplingFlags, type SamplingFlags, samplingOptions } from './sampling-flags.js'
import { isPiped, readInput } from './standard-input.js'

interface Flags extends ModelFlags, SamplingFlags {
  system?: string
  load?: string
  json?: boolean
  stats?: boolean
}

export function register(program: Command): void {
  const output = outputOf(program)
  const command = program
    .command('chat')
    .description('talk with a model: at a terminal in turns, else one answer to what is piped in')
    .argument('[message]', 'answer this and end')
    .option('--system <text>', 'the system message')
    .option('--load <file>', 'go on with a conversation that /save wrote')
  addSamplingFlags(addModelFlags(command))
    .option('--stats', 'print speed and token counts to standard error after the answer')
    .option('--json', 'print one JSON object at the end instead of streaming')
    .addHelpText('after', '\nAt a terminal /help lists commands such as /save, /load and /system.')
    .action(async (argument: string | undefined, flags: Flags) => {
      if (flags.load !== undefined && flags.system !== undefined) {
        throw new QuernError(
          'invalid_option',
          '--load and --system exclude each other: a file has its own messages',
        )
      }
      const message = argument ?? (isPiped() ? await readInput() : undefined)
      if (message === undefined && (flags.json || flags.stats)) {
        throw new QuernError(
          'invalid_option',
          '--json and --stats want a message, as an argument or piped in',
        )
      }
      if (message?.trim() === '') {
        throw new QuernError(
          'invalid_input',
          'there is no message: give one as an argument, pipe one in, or chat at a terminal',
        )
      }
      const progress = progressLine(output.err)
      const model = await load(flags.model, { ...loadOptions(flags), onProgress: progress.show })
      progress.end()
      try {
        const options = { contextOverflow: 'truncate' as const, ...samplingOptions(flags) }
        const session = await openSession(model, options, flags)
        if (message !== undefined) return await answer(session, message, flags, output)
        const streams = { input: process.stdin, output: process.stdout }
        process.exitCode = await new ChatTerminal(model, session, options, streams).run()
      } finally {
        await model.close()
      }
    })
}

/** One answer, streamed. */
async function answer(session: Session, text: string, flags: Flags, { out, err }: Output): Promise<void> {
  const generation = session.chat(text)
  const onInterrupt = () => {
    process.exitCode = 130
    generation.cancel()
  }
  process.once('SIGINT', onInterrupt)
  try {
    if (!flags.json) for await (const piece of generation) out(piece)
    const result = await generation.result()
    out(flags.json ? `${JSON.stringify({ ...result, tokens: [...result.tokens] }, null, 2)}\n` : '\n')
    if (flags.stats) err(`${speedLine(result)}\n`)
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

async function openSession(model: Model, options: SessionOptions, { load, system }: Flags): Promise<Session> {
  if (load !== undefined) return model.loadSession(load, options)
  return model.session({ ...options, ...(system !== undefined && { system }) })
}
