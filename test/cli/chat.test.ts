// quern chat: one answer, in a pipe, and at a terminal whose keys are pressed by the test.
import { spawn } from 'node:child_process'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ChatSettings } from '../../lib/cli/chat-settings.js'
import { ChatTerminal } from '../../lib/cli/chat-terminal.js'
import { History } from '../../lib/cli/history.js'
import { type GenerateOptions, load, type Model } from '../../lib/index.js'
import { temporaryFolder } from '../model/temporary.js'
import { quern } from './quern.js'

const question = 'What is the capital of France?'
const greedy = ['--temperature', '0', '--max-tokens', '40']
const folder = temporaryFolder()

describe('one answer', () => {
  test('to an argument', async () => {
    expect(await quern('chat', question, ...greedy)).toEqual({
      code: 0,
      out: 'Paris is the capital of France.\n',
      err: '',
    })
  })

  test('--stats tells the speed on standard error', async () => {
    const { err } = await quern('chat', question, ...greedy, '--stats')
    expect(err).toMatch(/^10 tokens, [\d.]+ tokens\/s, first after \d+ ms, prompt 16; on cpu \w+\n$/)
  })

  test('--json prints the result', async () => {
    const { out } = await quern('chat', question, ...greedy, '--json', '--stop', 'of')
    expect(JSON.parse(out)).toMatchObject({
      text: 'Paris is the capital ',
      finishReason: 'stop',
      message: { role: 'assistant', content: 'Paris is the capital ' },
      usage: { promptTokens: 16 },
    })
  })

  test('goes on past the context with attention sinks', async () => {
    const small = ['chat', question, ...greedy, '--json', '--context', '24']
    const { usage } = JSON.parse((await quern(...small, '--attention-sinks', '4,20')).out)
    expect(usage.promptTokens + usage.completionTokens).toBeGreaterThan(24)
    const cut = JSON.parse((await quern(...small)).out)
    expect(cut.finishReason).toBe('length')
  })

  test('--system goes before the message', async () => {
    const plain = JSON.parse((await quern('chat', question, ...greedy, '--json')).out)
    const { out } = await quern('chat', question, ...greedy, '--json', '--system', 'Be brief.')
    expect(JSON.parse(out).usage.promptTokens).toBeGreaterThan(plain.usage.promptTokens)
  })

  test('to what is piped in', async () => {
    const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
    const child = spawn(process.execPath, [main, 'chat', ...greedy], { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.end(`${question}\n`)
    let out = ''
    for await (const chunk of child.stdout) out += chunk
    expect(out).toContain('Paris')
    expect(out.endsWith('\n')).toBe(true)
  })

  test.each([
    [['chat', ' '], 1, '(invalid_input)'],
    [['chat', 'a', '--load', '/no/such/file'], 1, '(missing_file)'],
    [['chat', 'a', '--temperature', '-1'], 2, '(invalid_option)'],
    [['chat', 'a', '--load', 'f', '--system', 's'], 2, 'exclude each other'],
  ])('says what is wrong with %j', async (argv, code, message) => {
    const result = await quern(...argv)
    expect(result).toMatchObject({ code, out: '' })
    expect(result.err).toContain(message)
  })
})

describe('at a terminal', () => {
  const keys = { up: '\x1b[A', ctrlC: '\x03', ctrlD: '\x04', enter: '\r' }
  let model: Model
  beforeAll(async () => {
    model = await load()
  })
  afterAll(() => model.close())

  /** A terminal that waits for the test. */
  function open(options: GenerateOptions = { temperature: 0, maxTokens: 40 }, history?: History) {
    const input = new PassThrough()
    const output = new PassThrough()
    let shown = ''
    output.on('data', (chunk) => {
      shown += chunk
    })
    const settings = new ChatSettings(model, options)
    const terminal = new ChatTerminal(model, model.session(), settings, { input, output }, history)
    const ended = terminal.run()
    const see = async (text: string | RegExp) => {
      const deadline = performance.now() + 60_000 // a hang, on however busy a machine
      const isThere = () => (typeof text === 'string' ? shown.includes(text) : text.test(shown))
      while (!isThere()) {
        if (performance.now() > deadline) throw new Error(`never shown: ${text}, but: ${shown}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      const seen = shown
      shown = ''
      return seen
    }
    return { terminal, ended, see, type: (text: string) => input.write(text) }
  }

  test('answers with a line of speed, and Ctrl-D leaves', async () => {
    const { ended, see, type, terminal } = open()
    await see('> ')
    type(question + keys.enter)
    expect(await see('tokens/s')).toContain('Paris is the capital of France.')
    expect(terminal.session.messages).toHaveLength(2)
    type(keys.ctrlD)
    expect(await ended).toBe(0)
  })

  test('the arrow keys bring back what was said', async () => {
    const { ended, see, type, terminal } = open()
    type(question + keys.enter)
    await see('tokens/s')
    type(keys.up + keys.enter)
    await see(/\d cached/)
    expect(terminal.session.messages[2]).toEqual({ role: 'user', content: question })
    type(`/exit${keys.enter}`)
    expect(await ended).toBe(0)
  })

  test('several lines are one message', async () => {
    const { ended, see, type, terminal } = open()
    type(`one\\${keys.enter}two${keys.enter}`)
    await see('tokens/s')
    expect(terminal.session.messages[0]?.content).toBe('one\ntwo')
    type(keys.ctrlD)
    await ended
  })

  test('goes on after it was stopped and continued', async () => {
    const { ended, see, type } = open()
    await see('> ')
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
    try {
      type('\x1a')
      await vi.waitFor(() => expect(kill).toHaveBeenCalledWith(process.pid, 'SIGTSTP'))
      process.emit('SIGCONT')
    } finally {
      kill.mockRestore()
    }
    expect(await see('> ')).toContain('\x1b[?2004h')
    type(question + keys.enter)
    await see('tokens/s')
    type(keys.ctrlD)
    expect(await ended).toBe(0)
  })

  test.each(['SIGHUP', 'SIGINT', 'SIGTERM'] as const)(
    '%s kills it, after it has put the terminal right',
    async (signal) => {
      const { ended, see, type } = open()
      await see('> ')
      const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
      try {
        process.emit(signal, signal)
        expect(kill).toHaveBeenCalledWith(process.pid, signal)
      } finally {
        kill.mockRestore()
      }
      await see('\x1b[?2004l')
      type(keys.ctrlD)
      await ended
    },
  )

  test('leaves no listeners behind', async () => {
    const listeners = () =>
      ['exit', 'SIGHUP', 'SIGINT', 'SIGTERM'].map((name) => process.listenerCount(name as 'SIGINT'))
    const before = listeners()
    const { ended, see, type } = open()
    await see('> ')
    type(keys.ctrlD)
    await ended
    expect(listeners()).toEqual(before)
  })

  test('Ctrl-C cancels the answer, keeps what came, and a second one leaves', async () => {
    const { ended, see, type, terminal } = open({ temperature: 0, maxTokens: 2000, ignoreEos: true } as never)
    type(`Tell me a story.${keys.enter}`)
    await see(/\r\n\w+ \w+/)
    type(keys.ctrlC)
    expect(await see('tokens/s')).toContain('cancelled')
    expect(terminal.session.messages).toHaveLength(2)
    type(keys.ctrlC)
    expect(await ended).toBe(130)
  })

  test('Ctrl-C at the prompt warns first', async () => {
    const { ended, see, type } = open()
    await see('> ')
    type(`half a line${keys.ctrlC}`)
    await see('once more')
    type(`/help${keys.enter}`)
    await see('/save')
    type(keys.ctrlC)
    await see('once more')
    type(keys.ctrlC)
    expect(await ended).toBe(130)
  })

  test('/system, /save, /clear, /load and /stats', async () => {
    const { ended, see, type, terminal } = open()
    const file = folder.join('talk.session')
    const say = (line: string) => type(line + keys.enter)
    say('/system Be brief.')
    await see('system message set')
    say(question)
    await see('tokens/s')
    say(`/save ${file}`)
    await see('3 messages saved')
    say('/clear')
    await see('begun anew; the system message stays')
    say('/stats')
    await see(/\D1 message\W/)
    expect(terminal.session.messages).toEqual([{ role: 'system', content: 'Be brief.' }])
    say(`/load ${file}`)
    await see('3 messages loaded')
    say('/system')
    await see('no system message')
    say('/clear')
    await see('begun anew\x1b')
    say(`/load ${file}`)
    await see('3 messages loaded')
    say('/system')
    await see('no system message')
    expect(terminal.session.messages.map(({ role }) => role)).toEqual(['user', 'assistant'])
    say('/exit')
    expect(await ended).toBe(0)
  })

  test('a pasted text of several lines is one message, and can be edited before it is sent', async () => {
    const { ended, see, type, terminal } = open()
    type('Look:\x1b[200~one\r\n\ttwo\rthree\n\x1b[201~!')
    await see('Look:one⏎⇥two⏎three!')
    expect(terminal.session.messages).toHaveLength(0)
    type(keys.enter)
    await see('tokens/s')
    expect(terminal.session.messages[0]?.content).toBe('Look:one\n\ttwo\nthree!')
    type('\x1b[200~/etc\n/usr\x1b[201~\r') // no command
    await see('tokens/s')
    expect(terminal.session.messages[2]?.content).toBe('/etc\n/usr')
    type(keys.ctrlD)
    expect(await ended).toBe(0)
  })

  test('the terminal marks what is pasted as long as the conversation lasts', async () => {
    const { ended, see, type } = open()
    expect(await see('> ')).toContain('\x1b[?2004h')
    type(keys.ctrlD)
    await ended
    await see('\x1b[?2004l')
  })

  test('keys pressed during an answer are not shown in it, and come after it', async () => {
    const { ended, see, type, terminal } = open({ temperature: 0, maxTokens: 300, ignoreEos: true })
    type(`Tell me a story.${keys.enter}`)
    await see(/\r\n\w+ \w+/)
    type('QQQQ')
    const shown = await see(/tokens\/s.*QQQQ/s)
    expect(shown.split('tokens/s')[0]).not.toContain('QQQQ')
    expect(terminal.session.messages[1]?.content).not.toContain('QQQQ')
    type(keys.ctrlC)
    await see('once more')
    type(keys.ctrlD)
    expect(await ended).toBe(0)
  })

  test('Ctrl-C during an answer drops the keys pressed before it', async () => {
    const { ended, see, type, terminal } = open({ temperature: 0, maxTokens: 3000, ignoreEos: true })
    type(`Tell me a story.${keys.enter}`)
    await see(/\r\n\w+ \w+/)
    type(`QQQQ${keys.enter}`)
    type(`\x1b[200~pasted\x1b[201~`)
    type(keys.ctrlC)
    const shown = await see('tokens/s')
    expect(shown).toContain('cancelled')
    type(`/stats${keys.enter}`)
    expect(await see('threads')).not.toMatch(/QQQQ|pasted/)
    expect(terminal.session.messages).toHaveLength(2)
    type(keys.ctrlD)
    await ended
  })

  test('/set and /think change what follows', async () => {
    const { ended, see, type, terminal } = open()
    const say = (line: string) => type(line + keys.enter)
    say('/set max-tokens 3')
    await see('temperature 0, maxTokens 3')
    say(question)
    expect(await see('tokens/s')).toContain('3 tokens, length')
    say('/set maxTokens many')
    await see('error: maxTokens: expected a whole number, 0 or more, got "many" (invalid_option)')
    say('/set top_p lots')
    await see('error: topP: expected a number, got "lots" (invalid_option)')
    say('/set heat 5')
    await see(/no setting heat; there are maxTokens, .*\(unsupported_option\)/)
    say('/set temperature -1')
    await see('temperature -1')
    say('And of Italy?')
    await see(/temperature: expected a number from 0.*\(invalid_option\)/)
    say('/set temperature')
    say('/set')
    await see(`maxTokens 3${'\x1b'}`)
    say('/think on')
    await see('no enable_thinking')
    expect(terminal.settings.options).toEqual({ maxTokens: 3 })
    say('/think maybe')
    await see('on or off')
    say('exit')
    expect(await ended).toBe(0)
  })

  test('what was typed is there in the next run', async () => {
    const path = folder.join('state', 'history')
    const first = open(undefined, await History.open(path))
    first.type(`${question}${keys.enter}\x1b[200~a\nb\x1b[201~${keys.enter}quit${keys.enter}`)
    expect(await first.ended).toBe(0)
    const { ended, see, type } = open(undefined, await History.open(path))
    await see('> ')
    type(keys.up + keys.up + keys.up)
    await see('What is the capital of France?')
    type(keys.ctrlC)
    type(keys.ctrlD)
    await ended
  })

  test('what fails is told, and the conversation goes on', async () => {
    const { ended, see, type } = open()
    type(`/load /no/such/file${keys.enter}`)
    await see('(missing_file)')
    type(`/load${keys.enter}/sing${keys.enter}`)
    await see('there is no /sing')
    type(question + keys.enter)
    await see('Paris')
    type(keys.ctrlD)
    expect(await ended).toBe(0)
  })
})
