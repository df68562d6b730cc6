// What a model thinks apart from what it says, however its output is cut.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReasoningParser } from '../../lib/chat/reasoning.js'

function parse(pieces: Iterable<string>, isOpen = false) {
  const parser = new ReasoningParser(isOpen)
  const events = [...[...pieces].flatMap((piece) => parser.push(piece)), ...parser.end()]
  const joined = (type: string) => events.filter((event) => event.type === type).map(({ text }) => text)
  return { reasoning: joined('reasoning-delta').join(''), content: joined('text-delta').join('') }
}

test.each([
  ['plain', 'Hello', false, '', 'Hello'],
  ['tagged', '<think>\nHm.\n</think>\n\nHello', false, 'Hm.', 'Hello'],
  ['white space before the tag', ' \n<think>Hm.</think>Hello', false, 'Hm.', 'Hello'],
  ['open from the prompt', 'Hm.\n\nSo.\n</think>\n\nHello\n', true, 'Hm.\n\nSo.', 'Hello\n'],
  ['nothing thought', '<think>\n\n</think>\n\nHello', false, '', 'Hello'],
  ['cut while thinking', '<think>\nHm.\n</thi', false, 'Hm.\n</thi', ''],
  ['open and cut', 'Hm.', true, 'Hm.', ''],
  ['a tag later on is text', 'Write <think> first.', false, '', 'Write <think> first.'],
  ['a second block is text', '<think>a</think>b<think>c</think>', false, 'a', 'b<think>c</think>'],
  ['a closing tag alone', 'a</think>b', false, '', 'a</think>b'],
  ['only white space', ' \n', false, '', ' \n'],
  ['only the beginning of a tag', '<thin', false, '', '<thin'],
  ['spaces are kept', '<think>  a </think>  b', false, '  a ', '  b'],
])('%s', (_, output, isOpen, reasoning, content) => {
  expect(parse([output], isOpen)).toEqual({ reasoning, content })
  expect(parse(output, isOpen)).toEqual({ reasoning, content })
})

test('any output, in any pieces, gives the same and loses no letter', () => {
  const parts = fc.constantFrom('<think>', '</think>', '<', '</', 'think>', '\n', ' ', 'a', 'b<', '>')
  fc.assert(
    fc.property(
      fc.array(parts),
      fc.array(fc.integer({ min: 1, max: 5 })),
      fc.boolean(),
      (words, cuts, isOpen) => {
        const output = words.join('')
        const pieces: string[] = []
        let at = 0
        for (const cut of cuts) {
          pieces.push(output.slice(at, at + cut))
          at += cut
        }
        pieces.push(output.slice(at))
        const whole = parse([output], isOpen)
        expect(parse(pieces, isOpen)).toEqual(whole)
        const bare = (text: string) => text.replace(/[^ab]/g, '')
        expect(bare(whole.reasoning + whole.content)).toBe(bare(output))
      },
    ),
    { numRuns: 2000, seed: 3 },
  )
})
