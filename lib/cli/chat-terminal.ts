import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Generation, GenerationResult, Model, Session } from '../index.js'
import { QuernError } from '../index.js'
import { commandNamed, commands, type Talk } from './chat-commands.js'
import type { ChatSettings } from './chat-settings.js'
import type { History } from './history.js'
import { Interrupts } from './interrupts.js'
import { Keys } from './keys.js'
import { Lines, readMessage } from './lines.js'
import { MarkedPastes } from './marked-pastes.js'
import { fromLine, toLine } from './pasted.js'

/** Streams of a terminal. Tests have their own. */
export interface TerminalStreams {
  input: Readable
  output: Writable
}

const farewells = ['exit', 'quit']

const dim = (text: string) => `\x1b[2m${text}\x1b[22m`

/** A conversation at a terminal: history with the arrow keys, several lines, streaming, interrupts and /commands. */
export class ChatTerminal implements Talk {
  readonly model: Model
  readonly settings: ChatSettings
  #session: Session
  #last: GenerationResult | undefined
  readonly #output: Writable
  readonly #keys: Keys
  readonly #readline
  readonly #lines: Lines
  readonly #interrupts = new Interrupts()
  readonly #pastes: MarkedPastes
  #exitCode: number | undefined

  constructor(
    model: Model,
    session: Session,
    settings: ChatSettings,
    { input, output }: TerminalStreams,
    history?: History,
  ) {
    this.model = model
    this.#session = session
    this.settings = settings
    this.#output = output
    this.#pastes = new MarkedPastes(output)
    this.#keys = new Keys(input, (pasted) => this.#readline.write(toLine(pasted)))
    this.#readline = createInterface({
      input: this.#keys,
      output,
      terminal: true,
      history: history?.lines ?? [],
      historySize: 1000,
      removeHistoryDuplicates: true,
      completer: completeCommand,
    })
    this.#lines = new Lines(this.#readline)
    this.#readline.on('SIGINT', () => this.#interrupted())
    this.#readline.on('line', (line) => {
      this.#keys.hold() // echoed between the words of an answer, keys would garble it
      void history?.add(line)
    })
    this.#readline.on('SIGCONT', () => {
      this.#pastes.again()
      this.#readline.resume() // it paused itself
    })
  }

  get session(): Session {
    return this.#session
  }

  get last(): GenerationResult | undefined {
    return this.#last
  }

  /** Talks until the user leaves; gives the exit code. */
  async run(): Promise<number> {
    const { source, contextLength, attentionSinks: seen } = this.model.info
    const sight = seen && `, of which the first ${seen.sinks} and the last ${seen.window} are seen`
    this.#pastes.begin()
    const context =
      sight === undefined ? `${contextLength} tokens of context` : `any number of tokens${sight}`
    this.say(`${source}, ${context}. /help lists commands, Ctrl-D leaves.`)
    while (this.#exitCode === undefined) {
      const line = await readMessage((isFirst) => this.#ask(isFirst))
      if (line === undefined) break
      await this.#take(fromLine(line))
    }
    this.leave()
    this.#keys.detach()
    this.#pastes.end()
    return this.#exitCode ?? 0
  }

  change(session: Session): void {
    this.#session = session
    this.#last = undefined
  }

  say(text: string): void {
    this.#output.write(`${dim(text)}\n`)
  }

  leave(exitCode = 0): void {
    this.#exitCode ??= exitCode
    this.#readline.close()
  }

  #ask(isFirst: boolean): Promise<string | undefined> {
    this.#readline.setPrompt(isFirst ? '> ' : '… ')
    this.#readline.prompt()
    this.#keys.release()
    return this.#lines.next()
  }

  /** A message to answer, or a command. What fails is told, and the conversation goes on, unless it was the model's device. */
  async #take(text: string): Promise<void> {
    this.#interrupts.reset()
    if (text.trim() === '') return
    if (farewells.includes(text.trim())) return this.leave()
    try {
      if (text.startsWith('/') && !text.includes('\n')) await this.#command(text)
      else await this.#answer(this.session.chat(text, this.settings.options))
    } catch (error) {
      const code = error instanceof QuernError ? ` (${error.code})` : ''
      this.say(`error: ${(error as Error).message}${code}`)
      if (!(error instanceof QuernError && error.code === 'device_failed')) return
      this.say('The model cannot answer any more: begin again.')
      this.leave(1)
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
        if (event.type !== 'text-delta' && event.type !== 'reasoning-delta') continue
        if (isReasoning && event.type === 'text-delta') this.#output.write('\n\n')
        isReasoning = event.type === 'reasoning-delta'
        this.#output.write(isReasoning ? dim(event.text) : event.text)
      }
      this.#last = await generation.result()
    } finally {
      this.#interrupts.during(undefined)
      this.#output.write('\n')
    }
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
