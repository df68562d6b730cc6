import type { GenerationResult, Model, Session } from '../index.js'
import { formatBytes } from './bytes.js'
import { type ChatSettings, conversationDefaults } from './chat-settings.js'
import { placeOf } from './place.js'

/** The talk that a command works on. */
export interface Talk {
  readonly model: Model
  readonly settings: ChatSettings
  readonly session: Session
  /** Of the last answer. */
  readonly last: GenerationResult | undefined
  /** Goes on with another session. */
  change(session: Session): void
  /** A line to the user that is no answer. */
  say(text: string): void
  /** Ends the conversation. */
  leave(exitCode?: number): void
}

/** What a line that begins with a slash does. */
interface ChatCommand {
  name: string
  argument?: string
  help: string
  run(talk: Talk, argument: string): void | Promise<void>
}

export const commands: readonly ChatCommand[] = [
  {
    name: 'system',
    argument: '<text>',
    help: 'begin with this system message; without a text: without one',
    run(talk, text) {
      const others = talk.session.messages.filter(({ role }) => role !== 'system')
      const system = text === '' ? [] : [{ role: 'system' as const, content: text }]
      talk.change(
        talk.model.session({ ...conversationDefaults(talk.model), messages: [...system, ...others] }),
      )
      talk.say(text === '' ? 'no system message' : 'system message set')
    },
  },
  {
    name: 'save',
    argument: '<file>',
    help: 'write the conversation to a file',
    async run(talk, path) {
      if (path === '') return talk.say('/save wants the name of a file')
      await talk.session.save(path)
      talk.say(`${counted(talk.session.messages)} saved to ${path}`)
    },
  },
  {
    name: 'load',
    argument: '<file>',
    help: 'go on with a conversation from a file',
    async run(talk, path) {
      if (path === '') return talk.say('/load wants the name of a file')
      talk.change(await talk.model.loadSession(path, conversationDefaults(talk.model)))
      talk.say(`${counted(talk.session.messages)} loaded from ${path}`)
    },
  },
  {
    name: 'set',
    argument: '<option> <value>',
    help: 'set an option of sampling, for example temperature 0.7; without a value: what the model recommends',
    run(talk, text) {
      const [name = '', ...value] = text.split(' ')
      if (name !== '') talk.settings.set(name, value.join(' ').trim())
      talk.say(String(talk.settings))
    },
  },
  {
    name: 'think',
    argument: 'on|off',
    help: 'have the model think before it answers, or not',
    run(talk, choice) {
      if (choice !== 'on' && choice !== 'off') return talk.say('/think wants on or off')
      talk.settings.think(choice === 'on')
      talk.say(`thinking ${choice}`)
    },
  },
  {
    name: 'stats',
    help: 'tell how far the conversation is and how busy the model',
    run(talk) {
      const { session, model, last } = talk
      const { memory, kvCache } = model.stats()
      const used =
        last &&
        `, ${last.usage.promptTokens + last.usage.completionTokens} of ${model.info.longestSequence} tokens`
      talk.say(`${counted(session.messages)}${used ?? ''}`)
      talk.say(
        `weights ${formatBytes(memory.weights)}, KV cache ${formatBytes(kvCache.bytes)} in ${kvCache.pages} pages`,
      )
      talk.say(`${placeOf(model.info)}, ${model.info.threads} threads, ${model.info.dtype}`)
    },
  },
  {
    name: 'clear',
    help: 'begin anew; the system message stays',
    run(talk) {
      const system = talk.session.messages.filter(({ role }) => role === 'system')
      talk.change(talk.model.session({ ...conversationDefaults(talk.model), messages: system }))
      talk.say(system.length > 0 ? 'begun anew; the system message stays' : 'begun anew')
    },
  },
  {
    name: 'help',
    help: 'this list',
    run(talk) {
      for (const { name, argument, help } of commands)
        talk.say(`/${(argument ? `${name} ${argument}` : name).padEnd(22)} ${help}`)
      talk.say(
        'A line that ends with \\ goes on; """ begins and ends several lines; what is pasted is one message. Ctrl-C cancels an answer.',
      )
    },
  },
  {
    name: 'exit',
    help: 'leave; exit and quit without a slash do so too',
    run: (talk) => talk.leave(),
  },
  { name: 'quit', help: 'the same', run: (talk) => talk.leave() },
]

function counted({ length }: readonly unknown[]): string {
  return `${length} ${length === 1 ? 'message' : 'messages'}`
}

export function commandNamed(name: string): ChatCommand | undefined {
  return commands.find((command) => command.name === name)
}
