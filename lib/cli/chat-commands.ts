import { formatBytes } from './bytes.js'
import { conversationDefaults } from './chat-settings.js'
import type { ChatTerminal } from './chat-terminal.js'

/** What a line that begins with a slash does. */
interface ChatCommand {
  name: string
  argument?: string
  help: string
  run(terminal: ChatTerminal, argument: string): void | Promise<void>
}

export const commands: readonly ChatCommand[] = [
  {
    name: 'system',
    argument: '<text>',
    help: 'begin with this system message; without a text: without one',
    run(terminal, text) {
      const others = terminal.session.messages.filter(({ role }) => role !== 'system')
      const system = text === '' ? [] : [{ role: 'system' as const, content: text }]
      terminal.change(terminal.model.session({ ...conversationDefaults, messages: [...system, ...others] }))
      terminal.say(text === '' ? 'no system message' : 'system message set')
    },
  },
  {
    name: 'save',
    argument: '<file>',
    help: 'write the conversation to a file',
    async run(terminal, path) {
      if (path === '') return terminal.say('/save wants the name of a file')
      await terminal.session.save(path)
      terminal.say(`${counted(terminal.session.messages)} saved to ${path}`)
    },
  },
  {
    name: 'load',
    argument: '<file>',
    help: 'go on with a conversation from a file',
    async run(terminal, path) {
      if (path === '') return terminal.say('/load wants the name of a file')
      terminal.change(await terminal.model.loadSession(path, conversationDefaults))
      terminal.say(`${counted(terminal.session.messages)} loaded from ${path}`)
    },
  },
  {
    name: 'set',
    argument: '<option> <value>',
    help: 'set an option of sampling, for example temperature 0.7; without a value: what the model recommends',
    run(terminal, text) {
      const [name = '', ...value] = text.split(' ')
      if (name !== '') terminal.settings.set(name, value.join(' ').trim())
      terminal.say(String(terminal.settings))
    },
  },
  {
    name: 'think',
    argument: 'on|off',
    help: 'have the model think before it answers, or not',
    run(terminal, choice) {
      if (choice !== 'on' && choice !== 'off') return terminal.say('/think wants on or off')
      terminal.settings.think(choice === 'on')
      terminal.say(`thinking ${choice}`)
    },
  },
  {
    name: 'stats',
    help: 'tell how far the conversation is and how busy the model',
    run(terminal) {
      const { session, model, last } = terminal
      const { memory, kvCache } = model.stats()
      const used =
        last &&
        `, ${last.usage.promptTokens + last.usage.completionTokens} of ${model.info.contextLength} tokens`
      terminal.say(`${counted(session.messages)}${used ?? ''}`)
      terminal.say(
        `weights ${formatBytes(memory.weights)}, KV cache ${formatBytes(kvCache.bytes)} in ${kvCache.pages} pages`,
      )
      terminal.say(
        `${model.info.device} ${model.info.isa}, ${model.info.threads} threads, ${model.info.dtype}`,
      )
    },
  },
  {
    name: 'clear',
    help: 'begin anew; the system message stays',
    run(terminal) {
      const system = terminal.session.messages.filter(({ role }) => role === 'system')
      terminal.change(terminal.model.session({ ...conversationDefaults, messages: system }))
      terminal.say(system.length > 0 ? 'begun anew; the system message stays' : 'begun anew')
    },
  },
  {
    name: 'help',
    help: 'this list',
    run(terminal) {
      for (const { name, argument, help } of commands)
        terminal.say(`/${(argument ? `${name} ${argument}` : name).padEnd(22)} ${help}`)
      terminal.say(
        'A line that ends with \\ goes on; """ begins and ends several lines; what is pasted is one message. Ctrl-C cancels an answer.',
      )
    },
  },
  {
    name: 'exit',
    help: 'leave; exit and quit without a slash do so too',
    run: (terminal) => terminal.leave(),
  },
  { name: 'quit', help: 'the same', run: (terminal) => terminal.leave() },
]

function counted({ length }: readonly unknown[]): string {
  return `${length} ${length === 1 ? 'message' : 'messages'}`
}

export function commandNamed(name: string): ChatCommand | undefined {
  return commands.find((command) => command.name === name)
}
