import { expect, test } from 'vitest'
import { merged, overtaken } from '../../web/src/conversation/merged.ts'
import { thread, withMessage } from '../../web/src/conversation/thread.ts'
import { assistant, conversationOf, user } from './messages.ts'

const begun = conversationOf([user('question'), assistant('answer')])
const here = withMessage(begun, { ...user('said here'), parent: begun.head })
const there = withMessage(begun, { ...user('said there'), parent: begun.head })

test('two tabs that go on from the same place both keep what was said', () => {
  const both = merged(here, there)
  expect(both.messages.map(({ content }) => content).sort()).toEqual(
    ['question', 'answer', 'said here', 'said there'].sort(),
  )
  expect(thread(both)).toEqual(thread(here))
  expect(merged(both, here)).toBe(both)
  expect(merged(here, undefined)).toBe(here)
})

test('a tab follows what was said after its end, and stays where it has gone on itself', () => {
  expect(thread(overtaken(begun, there))).toEqual(thread(there))
  expect(thread(overtaken(here, there))).toEqual(thread(here))
  expect(overtaken(here, there).messages).toHaveLength(4)
})

test('an answer that another tab has ended is over here too', () => {
  const writing = { ...begun, messages: begun.messages.map((one) => one) }
  const last = writing.messages.at(-1)
  writing.messages[writing.messages.length - 1] = { ...last, end: 'writing' } as never
  expect(overtaken(writing, begun).messages.at(-1)).toMatchObject({ end: 'stop' })
})
