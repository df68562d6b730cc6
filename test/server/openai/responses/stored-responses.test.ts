import { expect, test } from 'vitest'
import type { ResponseAnswer } from '../../../../lib/server/openai/responses/response.js'
import { StoredResponses } from '../../../../lib/server/openai/responses/stored-responses.js'

const named = (id: string) => ({ id }) as ResponseAnswer
const conversation = [{ role: 'user' as const, content: 'x'.repeat(1000) }]

function kept(stored: StoredResponses, ids: readonly string[]): string[] {
  return ids.filter((id) => stored.delete(id))
}

test('of too many the longest unused goes', () => {
  const stored = new StoredResponses({ responses: 3 })
  for (const id of ['a', 'b', 'c']) stored.add(named(id), conversation)
  expect(stored.get('a')?.response.id).toBe('a')
  stored.add(named('d'), conversation)
  expect(stored.get('b')).toBeUndefined()
  expect(kept(stored, ['a', 'b', 'c', 'd'])).toEqual(['a', 'c', 'd'])
})

test('so it does where they take too much memory', () => {
  const stored = new StoredResponses({ bytes: 7000 }) // each takes a bit over 2,000
  for (const id of ['a', 'b', 'c', 'd', 'e']) stored.add(named(id), conversation)
  expect(kept(stored, ['a', 'b', 'c', 'd', 'e'])).toEqual(['c', 'd', 'e'])
  for (const id of ['f', 'g', 'h']) stored.add(named(id), conversation) // what was deleted takes nothing any more
  expect(kept(stored, ['f', 'g', 'h'])).toEqual(['f', 'g', 'h'])
})

test('one that is larger than all room there is is not kept', () => {
  const stored = new StoredResponses({ bytes: 100 })
  stored.add(named('a'), conversation)
  expect(stored.get('a')).toBeUndefined()
})
