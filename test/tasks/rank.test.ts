// Documents by the probability of "yes", as the makers of Qwen3-Reranker ask for it.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'
import { makeReranker } from './reranker.js'

const folder = temporaryFolder()
const query = 'Who lived in a busy city?'
const documents = [
  'A recipe for soup.',
  'There lived a boy named Otto.',
  'The sun rises.',
  'Otto, in a city.',
]

let model: Model
beforeAll(async () => {
  model = await load(makeReranker(folder.join('reranker')), { precision: 'exact' })
})
afterAll(() => model.close())

/** The tokens that the README of Qwen3-Reranker makes. */
function promptOf(document: string, instruction: string): number[] {
  const plain = (text: string) => [...model.tokenizer.encode(text, { addSpecialTokens: false })]
  const prefix =
    '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
  const suffix = '<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n'
  const body = `<Instruct>: ${instruction}\n<Query>: ${query}\n<Document>: ${document}`
  return [...plain(prefix), ...model.tokenizer.encode(body), ...plain(suffix)]
}

/** What it does with them, with whole logits. */
async function expectedScore(document: string, instruction: string): Promise<number> {
  const tokens = promptOf(document, instruction)
  const { data } = await model.logits(tokens, { positions: 'last' })
  const [no, yes] = ['no', 'yes'].map((answer) =>
    Math.exp(data[model.tokenizer.idOf(answer) as number] as number),
  )
  return (yes as number) / ((yes as number) + (no as number))
}

it('sorts documents by their scores, the best first', async () => {
  const instruction = 'Given a web search query, retrieve relevant passages that answer the query'
  const ranked = await model.rank(query, documents)
  expect(ranked.map(({ index }) => index).toSorted()).toEqual([0, 1, 2, 3])
  for (const { index, score, document, tokens } of ranked) {
    expect(document).toBe(documents[index])
    expect(tokens).toBe(promptOf(document, instruction).length)
    expect(score).toBeCloseTo(await expectedScore(document, instruction), 6)
  }
  const scores = ranked.map(({ score }) => score)
  expect(scores).toEqual(scores.toSorted((a, b) => b - a))
  expect(new Set(scores).size).toBe(4)
  expect(await model.rank(query, documents, { topN: 2 })).toEqual(ranked.slice(0, 2))
})

it('asks what an instruction says', async () => {
  const instruction = 'Find the paragraph that names a person'
  for (const { document, score } of await model.rank(query, documents, { instruction }))
    expect(score).toBeCloseTo(await expectedScore(document, instruction), 6)
})

it('documents that score alike stay in their order, and none give none', async () => {
  const ranked = await model.rank(query, ['same', 'same', 'same'])
  expect(ranked.map(({ index }) => index)).toEqual([0, 1, 2])
  expect(await model.rank(query, [])).toEqual([])
})

it('the documents of a query share what comes before them', async () => {
  const fresh = await load(folder.join('reranker'))
  await fresh.rank(query, documents)
  expect(fresh.stats().kvCache.pagesCached).toBeLessThan(30) // each alone has about ten
  await fresh.close()
})

it.each([
  [5, documents, {}, 'invalid_input'],
  [query, 'document', {}, 'invalid_input'],
  [query, ['a', 5], {}, 'invalid_input'],
  [query, documents, { topN: 0 }, 'invalid_option'],
  [query, documents, { instruction: 5 }, 'invalid_option'],
  [query, documents, { topK: 5 }, 'unsupported_option'],
] as const)('refuses %j, %j, %j', async (asked, given, options, code) => {
  await expectCode(() => model.rank(asked as string, given as string[], options as object), code)
})

it('says which document is too long', async () => {
  const { message } = await expectCode(
    () => model.rank(query, ['short', 'long '.repeat(5000)]),
    'context_overflow',
  )
  expect(message).toMatch(/^documents\[1\]: /)
})

it('refuses a model that has no token to answer with', async () => {
  const bundled = await load()
  const { message, value } = await expectCode(() => bundled.rank(query, documents), 'unsupported_model')
  expect(message).toMatch(/no token "(yes|no)"/)
  expect(['yes', 'no']).toContain(value)
  await bundled.close()
})

it('refuses texts that are too long together', async () => {
  const half = 'x'.repeat(2 ** 26)
  for (const instruction of ['', half, half.repeat(7)])
    await expectCode(() => model.rank(half, [half], { instruction }), 'invalid_input')
})
