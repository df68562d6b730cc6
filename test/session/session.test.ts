import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ChatMessage, load, type Model } from '../../lib/index.js'

const greedy = { temperature: 0, maxTokens: 24 }
const question = 'What is the capital of France?'
const code = (code: string) => expect.objectContaining({ code })

describe('a session', () => {
  let model: Model
  beforeAll(async () => {
    model = await load()
  })
  afterAll(() => model.close())

  test('keeps the conversation, and says what the same messages say', async () => {
    const session = model.session({ system: 'Be kind.', ...greedy })
    const first = await session.chat(question).text()
    expect(session.messages).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: question },
      { role: 'assistant', content: first },
    ])
    let second = ''
    for await (const text of session.chat('Tell me a very short story about a fox.')) second += text
    expect(session.messages).toHaveLength(5)
    expect(session.messages[4]?.content).toBe(second)
    const asked = session.messages.slice(0, 4)
    expect(await model.chat(asked, greedy).text()).toBe(second)
  })

  test('options that are undefined are left out', async () => {
    const session = model.session({ ...greedy, maxTokens: 3 })
    const { usage } = await session.chat('Tell me a story.', { maxTokens: undefined } as never).result()
    expect(usage.completionTokens).toBe(3)
  })

  test('options that cannot be read leave it as it was', async () => {
    const session = model.session(greedy)
    const options = {
      get maxTokens(): number {
        throw new Error('unreadable')
      },
    }
    await expect(session.chat('Hello', options).text()).rejects.toThrow('unreadable')
    expect(session.messages).toEqual([])
    expect(await session.chat(question).text()).toContain('Paris')
  })

  test('an iterator that is left before it began frees it', async () => {
    const session = model.session({ ...greedy, maxTokens: 500, ignoreEos: true })
    const iterator = session.chat('Tell me a story.')[Symbol.asyncIterator]()
    await iterator.return()
    session.truncate(0)
  })

  test('computes only what is new', async () => {
    const session = model.session({
      system: 'You are a fox, and you only speak of what foxes do.',
      ...greedy,
    })
    await session.chat('Hello!').result()
    const { usage } = await session.chat('And now?').result()
    expect(usage.cachedTokens).toBeGreaterThan(usage.promptTokens / 2)
  })

  test('one reply at a time', async () => {
    const session = model.session(greedy)
    const reply = session.chat(question)
    expect(session.messages).toEqual([{ role: 'user', content: question }])
    await expect(session.chat('And?').text()).rejects.toThrow(code('session_busy'))
    expect(() => session.edit(0, 'x')).toThrow(code('session_busy'))
    expect(() => session.truncate(0)).toThrow(code('session_busy'))
    expect(() => session.fork()).toThrow(code('session_busy'))
    await expect(session.save('/nowhere/at/all')).rejects.toThrow(code('session_busy'))
    await reply.result()
    expect(session.messages).toHaveLength(2)
  })

  test('a reply is not answered again, and undefined is no message', async () => {
    const session = model.session(greedy)
    await session.chat(question).text()
    const before = session.messages
    for (const reply of [session.chat(), session.chat([], { maxTokens: 3 })])
      await expect(reply.text()).rejects.toThrow(code('invalid_input'))
    const forgotten: string | undefined = [].at(0)
    await expect(session.chat(forgotten as never).text()).rejects.toThrow(/got undefined; chat\(\)/)
    expect(session.messages).toBe(before)
    session.truncate(1)
    expect(await session.chat().text()).toContain('Paris')
    const longer = session.chat([], { continueFinalMessage: true, maxTokens: 3, ignoreEos: true })
    expect((await longer.result()).usage.completionTokens).toBe(3)
    await expect(model.session().chat().text()).rejects.toThrow(code('invalid_input'))
  })

  test('a cancelled reply keeps the text so far, and the session is free at once', async () => {
    const session = model.session({ temperature: 0, maxTokens: 400, ignoreEos: true })
    const reply = session.chat('Tell me a story.')
    let heard = ''
    for await (const text of reply) {
      heard += text
      if (heard.length > 10) break
    }
    expect(session.messages).toHaveLength(2)
    expect(session.messages[1]?.content).toContain(heard)
    const early = session.chat('Another one.')
    early.cancel() // before it said anything
    expect(session.messages).toHaveLength(2)
    expect((await session.chat('Another one.', greedy).result()).finishReason).not.toBe('cancelled')
    expect(session.messages).toHaveLength(4)
  })

  test('a reply that fails leaves the conversation as it was', async () => {
    const session = model.session({ messages: [{ role: 'user', content: 'Hi' }], ...greedy })
    const before = session.messages
    await expect(session.chat('x', { maxTokens: -1 }).text()).rejects.toThrow(code('invalid_option'))
    await expect(session.chat('word '.repeat(5000)).text()).rejects.toThrow(code('context_overflow'))
    await expect(session.chat('x', { signal: AbortSignal.abort('enough') }).text()).rejects.toBe('enough')
    const controller = new AbortController()
    const aborted = session.chat('x', { maxTokens: 500, ignoreEos: true, signal: controller.signal })
    for await (const _ of aborted.events()) {
      if (!controller.signal.aborted) controller.abort('later')
      break
    }
    await expect(aborted.text()).rejects.toBe('later')
    expect(session.messages).toBe(before)
    await expect(session.chat([{ role: 'user' } as never]).text()).rejects.toThrow(code('invalid_input'))
    await expect(
      session.chat({ role: 'user', content: 'a', extra: () => 0 } as never).text(),
    ).rejects.toThrow(code('invalid_input'))
    expect(session.messages).toBe(before)
    await session.chat().text()
    expect(session.messages).toHaveLength(2)
  })

  test('edits, truncates and forks', async () => {
    const session = model.session(greedy)
    await session.chat(question).text()
    await session.chat('Thank you!').text()
    const all = session.messages
    const fork = session.fork()
    session.edit(2, 'And of Italy?')
    expect(session.messages).toEqual([...all.slice(0, 2), { role: 'user', content: 'And of Italy?' }])
    const reply = await session.chat().result()
    expect(reply.usage.cachedTokens).toBeGreaterThan(0)
    expect(session.messages).toHaveLength(4)
    expect(fork.messages).toEqual(all)
    fork.truncate(1)
    expect(fork.messages).toEqual(all.slice(0, 1))
    expect(await fork.chat().text()).toBe(all[1]?.content)
    expect(() => fork.edit(9, 'x')).toThrow(code('invalid_option'))
    expect(() => fork.truncate(9)).toThrow(code('invalid_option'))
    expect(() => fork.edit(0, { role: 'user' } as never)).toThrow(code('invalid_input'))
  })

  test('nobody changes its messages from outside', async () => {
    const mine: ChatMessage[] = [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }]
    const session = model.session({ messages: mine })
    mine.push({ role: 'user', content: 'more' })
    ;(mine[0] as ChatMessage).role = 'system'
    expect(session.messages).toEqual([{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }])
    expect(() => (session.messages as ChatMessage[]).push(mine[0] as ChatMessage)).toThrow(TypeError)
    expect(() => Object.assign(session.messages[0] as object, { role: 'system' })).toThrow(TypeError)
  })

  test('a loop of tools', async () => {
    const tools = [
      {
        name: 'get_weather',
        description: 'Get the current weather in a city',
        parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      },
    ]
    const session = model.session({ tools, temperature: 0, maxTokens: 100 })
    const { toolCalls, finishReason } = await session.chat('What is the weather in Paris?').result()
    expect(finishReason).toBe('tool-calls')
    expect(session.messages[1]?.tool_calls).toHaveLength(toolCalls.length)
    const answers = toolCalls.map(({ id, name }) => ({
      role: 'tool' as const,
      tool_call_id: id,
      name,
      content: '{"temperature": 21, "sky": "sunny"}',
    }))
    const { text, usage } = await session.chat(answers).result()
    expect(text).not.toBe('')
    expect(usage.cachedTokens).toBeGreaterThan(usage.promptTokens / 2)
    expect(session.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant'])
  })

  test('continues its last message', async () => {
    const session = model.session({
      ...greedy,
      messages: [
        { role: 'user', content: question },
        { role: 'assistant', content: 'The capital' },
      ],
    })
    const text = await session.chat([], { continueFinalMessage: true }).text()
    expect(session.messages).toHaveLength(2)
    expect(session.messages[1]).toEqual({ role: 'assistant', content: `The capital${text}` })
  })

  test('continues what a message called and thought', async () => {
    const call = { id: 'a1b2c3d4e', type: 'function' as const, function: { name: 'now', arguments: {} } }
    const begun = {
      role: 'assistant' as const,
      content: 'The capital',
      reasoning_content: 'Easy.',
      tool_calls: [call],
    }
    const session = model.session({ ...greedy, messages: [{ role: 'user', content: question }, begun] })
    const text = await session.chat([], { continueFinalMessage: true }).text()
    expect(session.messages[1]).toEqual({ ...begun, content: `The capital${text}` })
  })

  test.each(['user', 'system', 'tool'] as const)('continues no message of a %s', async (role) => {
    const session = model.session({ ...greedy, messages: [{ role: 'user', content: question }] })
    const before = session.messages
    const reply = session.chat({ role, content: 'The capital' }, { continueFinalMessage: true })
    await expect(reply.text()).rejects.toThrow(code('invalid_input'))
    expect(session.messages).toBe(before)
    const said = [{ role, content: 'The capital' }]
    const whole = model.chat(said, { continueFinalMessage: true })
    await expect(whole.text()).rejects.toThrow(/the assistant's, it has the role/)
  })

  test.each([
    { maxTokens: -1 },
    { temperature: Number.NaN },
    { stop: [''] },
    { tools: [{}] },
    { templateVariables: { messages: [] } },
    { contextOverflow: 'no' },
    { samplers: ['none'] },
  ])('refuses %j at once', async (options) => {
    expect(() => model.session(options as never)).toThrow(code('invalid_option'))
    await expect(model.loadSession('no/such/file', options as never)).rejects.toThrow(code('invalid_option'))
  })

  test('what it refuses', () => {
    expect(() => model.session({ system: 7 as never })).toThrow(code('invalid_option'))
    expect(() => model.session({ messages: 'x' as never })).toThrow(code('invalid_option'))
    expect(() => model.session({ messages: [{ role: 'user' } as never] })).toThrow(code('invalid_input'))
    expect(() => model.session({ signal: AbortSignal.abort() } as never)).toThrow(code('invalid_option'))
  })
})

test('a session of a closed model says so', async () => {
  const model = await load()
  const session = model.session()
  await model.close()
  await expect(session.chat('Hi').text()).rejects.toThrow(code('closed'))
  expect(session.messages).toEqual([])
  expect(() => model.session()).toThrow(code('closed'))
})
