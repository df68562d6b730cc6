// A session's file is as true as whoever wrote it. What it says of keys and values stays with those who loaded it.
import { readFile, writeFile } from 'node:fs/promises'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ChatMessage, load, type Model, type Session } from '../../lib/index.js'
import { temporaryFolder } from '../model/temporary.js'
import { pagesOf, withHeader } from './forged-file.js'

const folder = temporaryFolder()
const greedy = { temperature: 0, maxTokens: 24 }
const messages: ChatMessage[] = [
  {
    role: 'user',
    content: 'Tell me a story about a little girl who lived in a big house with a dog. '.repeat(4),
  },
]
const question = 'And the cat?'

let model: Model
let honest: string
let forged: string
/** What a model says that never saw a file. */
let alone: string
let aloneLater: string

beforeAll(async () => {
  const first = await load()
  const session = first.session({ messages, ...greedy })
  alone = await session.chat().text()
  honest = folder.join('honest.session')
  await session.save(honest)
  aloneLater = await session.chat(question).text()
  await first.close()
  const bytes = await readFile(honest)
  const lies = pagesOf(bytes).map((page) => page.map((byte, i) => (i % 2 === 1 ? byte ^ 0x80 : byte))) // every sign
  expect(lies.length).toBeGreaterThan(4)
  forged = folder.join('forged.session')
  await writeFile(
    forged,
    withHeader(
      bytes,
      (header) => header,
      lies.map((page) => Buffer.from(page)),
    ),
  )
})

beforeEach(async () => {
  model = await load()
  return () => model.close()
})

const answer = (to: Model | Session, said: unknown) =>
  (to as Session).chat(said as ChatMessage[], greedy).result()

describe('a forged file', () => {
  test("changes its own session's words, and those of its forks", async () => {
    const session = await model.loadSession(forged, greedy)
    const fork = session.fork()
    for (const one of [session, fork]) {
      const { text, usage } = await answer(one, question)
      expect(usage.cachedTokens).toBeGreaterThan(usage.promptTokens / 2)
      expect(text).not.toBe(aloneLater)
    }
  })

  test("changes nobody else's, before and after it was used", async () => {
    const session = await model.loadSession(forged, greedy)
    for (const isUsed of [false, true]) {
      if (isUsed) await answer(session, question)
      const { text, usage } = await answer(model, messages)
      expect(text).toBe(alone)
      expect(usage.cachedTokens, 'tokens of the file').toBe(
        isUsed ? usage.promptTokens - 1 - ((usage.promptTokens - 1) % 16) : 0,
      )
    }
    // Conversations in full: a copy of the messages, a session of them, another file.
    const copy = session.messages.slice(0, -2)
    expect((await answer(model, [...copy, { role: 'user', content: question }])).text).toBe(aloneLater)
    expect((await answer(model.session({ messages: copy }), question)).text).toBe(aloneLater)
    expect((await answer(await model.loadSession(honest), question)).text).toBe(aloneLater)
  })

  test('is not believed where the model knows better', async () => {
    await answer(model, [
      ...messages,
      { role: 'assistant', content: alone },
      { role: 'user', content: question },
    ])
    const session = await model.loadSession(forged, greedy)
    expect((await answer(session, question)).text).toBe(aloneLater)
  })
})

test('an honest file loaded twice serves both sessions', async () => {
  const sessions = await Promise.all([model.loadSession(honest), model.loadSession(honest)])
  for (const { text, usage } of await Promise.all(sessions.map((session) => answer(session, question)))) {
    expect(text).toBe(aloneLater)
    expect(usage.cachedTokens).toBeGreaterThan(usage.promptTokens / 2)
  }
})
