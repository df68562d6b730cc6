// How much of a conversation is kept, by a template that costs one token a word: every number can be counted by hand.
import { expect, test } from 'vitest'
import type { ChatMessage } from '../../lib/chat/messages.js'
import { fitConversation } from '../../lib/model/fit-conversation.js'

const words = (count: number): string => Array.from({ length: count }, () => 'w').join(' ')
const user = (count: number): ChatMessage => ({ role: 'user', content: words(count) })
const system = (count: number): ChatMessage => ({ role: 'system', content: words(count) })
const cost = (messages: readonly ChatMessage[]): number =>
  messages.reduce((sum, { content }) => sum + String(content).split(' ').length, 0)

async function kept(messages: ChatMessage[], capacity: number, maxTokens: number | undefined) {
  const { tokens, dropped } = await fitConversation(messages, capacity, maxTokens, (some) => ({
    tokens: new Int32Array(cost(some)),
  }))
  return { tokens: tokens.length, turns: dropped?.turns ?? 0, messages: dropped?.messages ?? 0 }
}

test('what fits the room is kept whole, to the token', async () => {
  // Of 100, 20 are for the answer.
  expect(await kept([user(40), user(40)], 100, 20)).toEqual({ tokens: 80, turns: 0, messages: 0 })
  expect(await kept([user(41), user(40)], 100, 20)).toEqual({ tokens: 40, turns: 1, messages: 1 })
  // An answer gets half of the context at most; one of unknown length a quarter.
  expect((await kept([user(25), user(25)], 100, 90)).turns).toBe(0)
  expect((await kept([user(26), user(25)], 100, 90)).turns).toBe(1)
  expect((await kept([user(50), user(25)], 100, undefined)).turns).toBe(0)
  expect((await kept([user(51), user(25)], 100, undefined)).turns).toBe(1)
  // 1,024 tokens at most.
  expect((await kept([user(50_000), user(48_976)], 100_000, undefined)).turns).toBe(0)
})

test('turns go in blocks of a quarter of the room', async () => {
  // A room of 80, blocks of 20: 90 tokens lose as many turns as bring them to 70.
  const turns = (count: number, size: number) => Array.from({ length: count }, () => user(size))
  expect(await kept(turns(9, 10), 100, 20)).toEqual({ tokens: 70, turns: 2, messages: 2 })
  expect(await kept(turns(10, 10), 100, 20)).toEqual({ tokens: 80, turns: 2, messages: 2 })
  expect(await kept(turns(11, 10), 100, 20)).toEqual({ tokens: 70, turns: 4, messages: 4 })
  expect(await kept(turns(30, 3), 100, 20)).toEqual({ tokens: 69, turns: 7, messages: 7 })
})

// The last turn fits the room, but not what is left of it once whole blocks are gone: then what fits the room is kept.
test('a last turn beyond the block is kept with as many before it as the room has', async () => {
  // 99 of a room of 80: the block asks for 79, and the last turn alone has 80.
  expect(await kept([user(10), user(9), user(80)], 100, 20)).toEqual({ tokens: 80, turns: 2, messages: 2 })
  // 95, so 75 are asked for; 76 and 4 before them are just the room.
  expect(await kept([user(15), user(4), user(76)], 100, 20)).toEqual({ tokens: 80, turns: 1, messages: 1 })
})

test('a last turn beyond the room but within the context is kept alone', async () => {
  expect(await kept([system(5), user(10), user(10), user(90)], 100, 20)).toEqual({
    tokens: 95,
    turns: 2,
    messages: 2,
  })
  expect((await kept([user(10), user(100)], 100, 20)).tokens).toBe(100)
  await expect(kept([user(10), user(101)], 100, 20)).rejects.toMatchObject({
    code: 'context_overflow',
    value: 101,
  })
  await expect(kept([system(101)], 100, 20)).rejects.toMatchObject({ code: 'context_overflow' })
})

test('as few turns as possible are dropped, whatever their sizes', async () => {
  let seed = 7
  const random = (most: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31
    return 1 + (seed % most)
  }
  for (let round = 0; round < 300; round++) {
    const messages = Array.from({ length: 2 + random(20) }, () => user(random(30)))
    const capacity = 40 + random(200)
    const room = capacity - Math.min(20, Math.floor(capacity / 2))
    const { tokens, turns } = await kept(messages, capacity, 20)
    const all = cost(messages)
    expect(tokens).toBe(cost(messages.slice(turns)))
    const target =
      all <= room ? room : all - Math.ceil((all - room) / Math.floor(room / 4)) * Math.floor(room / 4)
    const bound = cost(messages.slice(-1)) <= target ? target : room
    expect(tokens).toBeLessThanOrEqual(bound)
    if (turns > 0) expect(cost(messages.slice(turns - 1))).toBeGreaterThan(bound)
  }
})
