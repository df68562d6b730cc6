import type { Command } from 'commander'
import { type Generation, type Model, QuernError, type Session } from '../index.js'
import { ChatSettings, conversationDefaults } from './chat-settings.js'
import { ChatTerminal, speedLine } from './chat-terminal.js'
import { History, historyPath } from './history.js'
import { demoNote, loadModel } from './load-model.js'
import { addModelFlags, type ModelFlags } from './model-flags.js'
import { type Output, outputOf } from './output.js'
import { placeOf } from './place.js'
import { addSamplingFlags, type SamplingFlags, samplingOptions } from './sampling-flags.js'
import { isPiped, readInput } from './standard-input.js'

interface Flags extends ModelFlags, SamplingFlags {
  system?: string
  load?: string
  think?: boolean
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
    .option('--think', 'have the model think before it answers, where its template can say so')
    .option('--no-think', 'have it answer at once')
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
      const message = argument ?? (isPiped() ? await readInput(output.err) : undefined)
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
      const model = await loadModel(flags, output.err)
      try {
        const settings = new ChatSettings(model, samplingOptions(flags))
        if (flags.think !== undefined) settings.think(flags.think)
        const session = await openSession(model, flags)
        if (message !== undefined) {
          const place = placeOf(model.info)
          return await answer(session.chat(message, settings.options), place, flags, output)
        }
        const history = await History.open(historyPath())
        const streams = { input: process.stdin, output: process.stdout }
        const terminal = new ChatTerminal(model, session, settings, streams, history)
        if (flags.model === undefined) terminal.say(demoNote)
        process.exitCode = await terminal.run()
      } finally {
        await model.close()
      }
    })
}

/** One answer, streamed. */
async function answer(
  generation: Generation,
  place: string,
  flags: Flags,
  { out, err }: Output,
): Promise<void> {
  const onInterrupt = () => {
    process.exitCode = 130
    generation.cancel()
  }
  process.once('SIGINT', onInterrupt)
  try {
    if (!flags.json) for await (const piece of generation) out(piece)
    const result = await generation.result()
    out(flags.json ? `${JSON.stringify({ ...result, tokens: [...result.tokens] }, null, 2)}\n` : '\n')
    if (flags.stats) err(`${speedLine(result)}; on ${place}\n`)
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

async function openSession(model: Model, { load, system }: Flags): Promise<Session> {
  if (load !== undefined) return model.loadSession(load, conversationDefaults(model))
  return model.session({ ...conversationDefaults(model), ...(system !== undefined && { system }) })
}
