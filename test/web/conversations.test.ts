import { expect, test } from 'vitest'
import { found } from '../../web/src/conversation/search.ts'
import { forked, siblings, thread, throughMessage, withMessage } from '../../web/src/conversation/thread.ts'
import { titleOf } from '../../web/src/conversation/title.ts'
import { exported, imported } from '../../web/src/conversation/transfer.ts'
import type { Message } from '../../web/src/conversation/types.ts'
import { assistant, conversationOf, user } from './messages.ts'

const simple = conversationOf([user('question'), assistant('answer')])
const [question, answer] = simple.messages as [Message, Message]
const again = { ...assistant('another'), parent: question.id }
const both = withMessage(simple, again)

test('an answer that is made anew stands beside the first', () => {
  expect(thread(both).map(({ content }) => content)).toEqual(['question', 'another'])
  expect(siblings(both, again).map(({ content }) => content)).toEqual(['answer', 'another'])
  expect(thread(throughMessage(both, answer.id)).map(({ content }) => content)).toEqual([
    'question',
    'answer',
  ])
})

test('a version leads on to what was said after it', () => {
  const longer = withMessage(throughMessage(both, answer.id), { ...user('next'), parent: answer.id })
  expect(throughMessage(longer, question.id).head).toBe(again.id)
  expect(thread(throughMessage(longer, answer.id)).map(({ content }) => content)).toEqual([
    'question',
    'answer',
    'next',
  ])
})

test('a fork has what came before, and is its own', () => {
  const fork = forked(both, answer.id, 'f', 'Fork')
  expect(fork.messages.map(({ content }) => content)).toEqual(['question', 'answer'])
  expect(both.messages).toHaveLength(3)
})

test('circles end', () => {
  const circle = {
    ...simple,
    messages: simple.messages.map((one) => ({ ...one, parent: simple.head })) as Message[],
  }
  expect(thread(circle).length).toBeLessThanOrEqual(2)
})

test('an export comes back as it was', () => {
  expect(imported(exported([both]))).toEqual([both])
})

test('an answer that was being written when it was exported was stopped', () => {
  const writing = conversationOf([user('q'), assistant('a', { end: 'writing' })])
  expect(imported(exported([writing]))[0]?.messages[1]).toMatchObject({ end: 'stopped' })
})

test('an import says where it is wrong', () => {
  const file = JSON.parse(exported([both]))
  const change = (edit: (one: Record<string, unknown>) => void) => {
    const copy = structuredClone(file)
    edit(copy.conversations[0])
    return () => imported(JSON.stringify(copy))
  }
  expect(() => imported('[]')).toThrow('the file: expected an object')
  expect(() => imported('{')).toThrow()
  expect(() => imported('{"format":"other"}')).toThrow("format: expected 'quern-conversations'")
  expect(change((one) => Object.assign(one, { title: 5 }))).toThrow('conversations[0].title: expected a text')
  expect(change((one) => Object.assign(one, { head: 'x' }))).toThrow('conversations[0].head')
  for (const [name, wrong] of [
    ['temperature', 3],
    ['temperature', -0.1],
    ['topP', 1.5],
    ['maxTokens', 0],
    ['maxTokens', 1.5],
    ['seed', 2 ** 60],
  ] as const)
    expect(change((one) => Object.assign(one.settings as object, { [name]: wrong }))).toThrow(
      `conversations[0].settings.${name}: expected a `,
    )
  expect(change((one) => Object.assign((one.messages as object[])[0] as object, { role: 'root' }))).toThrow(
    'messages[0].role',
  )
  expect(change((one) => Object.assign((one.messages as object[])[1] as object, { parent: 'x' }))).toThrow(
    'known parents',
  )
  expect(change((one) => (one.messages as object[]).push((one.messages as object[])[0] as object))).toThrow(
    'an id of its own',
  )
})

test('what was said is found, whatever the case', () => {
  const other = { ...conversationOf([user('Über Füchse')]), updated: 9 }
  expect(found([simple, other], 'QUEST')).toEqual([simple])
  expect(found([simple, other], 'füchse über')).toEqual([other])
  expect(found([simple, other], '')).toEqual([other, simple])
  expect(found([simple, other], 'nothing')).toEqual([])
})

test('a title is the first line, cut at a word', () => {
  expect(titleOf('  Hello\nworld')).toBe('Hello')
  expect(titleOf('word '.repeat(40))).toMatch(/^(word )+word…$/)
  expect(titleOf('x'.repeat(200))).toHaveLength(61)
})
