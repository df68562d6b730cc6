import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Generation, GenerationResult, Model, Session, SessionOptions } from '../index.js'
import { QuernError } from '../index.js'
import { commandNamed, commands } from './chat-commands.js'
import { Interrupts } from './interrupts.js'
import { Lines, readMessage } from './lines.js'

/** Streams of a terminal. Tests have their own. */
export interface TerminalStreams {
  input: Readable
  output: Writable
}

const dim = (text: string) => `\x1b[2m${text}\x1b[22m`

/** A conversation at a terminal: history with the arrow keys, several lines, streaming, interrupts and /commands. */
export class ChatTerminal {
  readonly model: Model
  readonly options: SessionOptions
  #session: Session
  #last: GenerationResult | undefined
  readonly #output: Writable
  readonly #readline
  readonly #lines: Lines
  readonly #interrupts = new Interrupts()
  #exitCode: number | undefined

  constructor(model: Model, session: Session, options: SessionOptions, { input, output }: TerminalStreams) {
    this.model = model
    this.#session = session
    this.options = options
    this.#output = output
    this.#readline = createInterface({
      input,
      output,
      terminal: true,
      historySize: 1000,
      removeHistoryDuplicates: true,
      completer: completeCommand,
    })
    this.#lines = new Lines(this.#readline)
    this.#readline.on('SIGINT', () => this.#interrupted())
  }

  get session(): Session {
    return this.#session
  }

  /** Of the last answer. */
  get last(): GenerationResult | undefined {
    return this.#last
  }

  /** Talks until the user leaves; gives the exit code. */
  async run(): Promise<number> {
    const { source, contextLength } = this.model.info
    this.say(`${source}, ${contextLength} tokens of context. /help lists commands, Ctrl-D leaves.`)
    while (this.#exitCode === undefined) {
      const text = await readMessage((isFirst) => this.#ask(isFirst))
      if (text === undefined) break
      await this.#take(text)
    }
    this.leave()
    return this.#exitCode ?? 0
  }

  /** Goes on with another conversation. */
  change(session: Session): void {
    this.#session = session
    this.#last = undefined
  }

  /** A line to the user that is no answer. */
  say(text: string): void {
    this.#output.write(`${dim(text)}\n`)
  }

  /** Ends the conversation. */
  leave(exitCode = 0): void {
    this.#exitCode ??= exitCode
    this.#readline.close()
  }

  #ask(isFirst: boolean): Promise<string | undefined> {
    this.#readline.setPrompt(isFirst ? '> ' : '… ')
    this.#readline.prompt()
    return this.#lines.next()
  }

  /** A message to answer, or a command. What fails is told, and the conversation goes on. */
  async #take(text: string): Promise<void> {
    this.#interrupts.reset()
    if (text.trim() === '') return
    try {
      if (text.startsWith('/')) await this.#command(text)
      else await this.#answer(this.session.chat(text))
    } catch (error) {
      const code = error instanceof QuernError ? ` (${error.code})` : ''
      this.say(`error: ${(error as Error).message}${code}`)
    }
  }

  async #command(text: string): Promise<void> {
    const [name = '', ...rest] = text.slice(1).split(' ')
    const command = commandNamed(name)
    if (command === undefined) this.say(`there is no /${name}; /help lists what there is`)
    else await command.run(this, rest.join(' ').trim())
  }

  async #answer(generation: Generation): Promise<void> {
    this.#interrupts.during(() => generation.cancel())
    try {
      let isReasoning = false
      for await (const event of generation.events()) {
        if (event.type === 'stream-end' || event.type === 'tool-call' || event.text === '') continue
        if (isReasoning && event.type === 'text-delta') this.#output.write('\n\n')
        isReasoning = event.type === 'reasoning-delta'
        this.#output.write(isReasoning ? dim(event.text) : event.text)
      }
    } finally {
      this.#interrupts.during(undefined)
      this.#output.write('\n')
    }
    this.#last = await generation.result()
    this.say(speedLine(this.#last))
  }

  #interrupted(): void {
    const effect = this.#interrupts.interrupt()
    if (effect === 'leave') this.leave(130)
    if (effect !== 'warn') return
    this.#readline.write(null, { ctrl: true, name: 'u' }) // what was typed so far
    this.#output.write('\n')
    this.say('Ctrl-C once more leaves, and so does Ctrl-D.')
    this.#readline.prompt()
  }
}

/** What an answer cost. */
export function speedLine({ usage, timings, finishReason, dropped }: GenerationResult): string {
  const cached = usage.cachedTokens > 0 ? ` (${usage.cachedTokens} cached)` : ''
  const why = finishReason === 'stop' ? '' : `, ${finishReason}`
  return (
    `${usage.completionTokens} tokens${why}, ${timings.decodeTokensPerSecond.toFixed(1)} tokens/s, ` +
    `first after ${timings.firstTokenMs.toFixed(0)} ms, prompt ${usage.promptTokens}${cached}` +
    (dropped ? `, without the first ${dropped.messages} messages: the context is full` : '')
  )
}

function completeCommand(line: string): [string[], string] {
  if (!line.startsWith('/')) return [[], line]
  return [commands.map(({ name }) => `/${name}`).filter((name) => name.startsWith(line)), line]
}
