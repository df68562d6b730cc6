// A real chat model of 135M parameters against Hugging Face transformers: continuations, logits and likelihoods.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { expectWithin, rowAt, topIndices } from '../numbers.js'
import { requirePresent } from '../require-present.js'
import { type Dtype, type Expected, expectedOfSmolLm2, smolLm2, whatSmolLm2Lacks } from './smollm2.js'

/** "1e-4 is generous" for the mean of a text. */
const meanNllBound = 1e-4

const missing = whatSmolLm2Lacks()
requirePresent('what SmolLM2-135M is made of', missing)

/** -log softmax(row)[token], in float64. */
function nll(row: Float32Array, token: number): number {
  let largest = -Infinity
  for (const logit of row) largest = Math.max(largest, logit)
  let sum = 0
  for (const logit of row) sum += Math.exp(logit - largest)
  return largest + Math.log(sum) - (row[token] as number)
}

const present = missing === undefined
const { conversations, texts, tolerance } = present
  ? expectedOfSmolLm2()
  : ({ conversations: [], texts: [] } as unknown as Expected)

/** Conversations in the type that the model comes in; texts in both types, each in one of them. */
const plan: { dtype: Dtype; conversations: Expected['conversations']; texts: Expected['texts'] }[] = [
  { dtype: 'f32', conversations: [], texts: texts.slice(0, 1) },
  { dtype: 'bf16', conversations, texts: texts.slice(1) },
]

describe.runIf(present).each(plan)('SmolLM2-135M-Instruct in $dtype', ({ dtype, conversations, texts }) => {
  let model: Model
  beforeAll(async () => {
    model = await load(smolLm2(dtype), { precision: 'exact' })
    expect(model.info).toMatchObject({ architecture: 'llama', dtype, precision: 'exact' })
  })
  afterAll(() => model?.close())

  it('encodes the rendered conversations and the texts', () => {
    for (const { id, rendered, ids } of conversations) {
      expect([...model.tokenizer.encode(rendered, { addSpecialTokens: false })], id).toEqual(ids)
      expect([...model.tokenizer.encode(rendered)], id).toEqual(ids) // it adds none by itself
    }
    for (const { id, text, ids } of texts) expect([...model.tokenizer.encode(text)], id).toEqual(ids)
  })

  it.each(texts)('finds the text $id as likely', async ({ ids, [dtype]: { mean_nll, first_nlls } }) => {
    const logits = await model.logits(ids)
    const nlls = ids.slice(1).map((token, i) => nll(rowAt(logits, i), token))
    const mean = nlls.reduce((sum, value) => sum + value, 0) / nlls.length
    expect(Math.abs(mean - mean_nll)).toBeLessThanOrEqual(meanNllBound)
    const { nll_atol: logits_atol, rtol } = tolerance
    expectWithin(nlls.slice(0, first_nlls.length), first_nlls, { logits_atol, rtol }, 'first tokens')
  })

  it.each(texts)(
    'says the same of $id without logits',
    async ({ text, [dtype]: { mean_nll, first_nlls } }) => {
      const { nll } = await model.perplexity(text)
      expect(Math.abs(nll - mean_nll)).toBeLessThanOrEqual(meanNllBound)
      const { promptLogprobs = [] } = await model
        .generate(text, { maxTokens: 1, promptLogprobs: true })
        .result()
      const nlls = promptLogprobs.slice(1, 1 + first_nlls.length).map((one) => -(one?.logprob as number))
      const { nll_atol: logits_atol, rtol } = tolerance
      expectWithin(nlls, first_nlls, { logits_atol, rtol }, 'first tokens')
    },
  )

  if (conversations.length === 0) return
  it('continues every conversation', async () => {
    await Promise.all(
      conversations.map(async ({ id, ids, [dtype]: { greedy, stopped, text } }) => {
        const generation = model.generate({ tokens: ids }, { temperature: 0, maxTokens: greedy.length })
        const result = await generation.result()
        expect([...result.tokens], id).toEqual(greedy)
        expect(result.text, id).toBe(text)
        expect(result.finishReason, id).toBe(stopped ? 'stop' : 'length')
      }),
    )
  })

  it('has the best logits after every conversation', async () => {
    for (const {
      id,
      ids,
      [dtype]: { top10 },
    } of conversations) {
      const row = rowAt(await model.logits(ids, { positions: 'last' }), -1)
      expectWithin(
        top10.map(([token]) => row[token] as number),
        top10.map(([, logit]) => logit),
        tolerance,
        id,
      )
      expect(topIndices(row, 1), id).toEqual([top10[0]?.[0]])
    }
  })
})
