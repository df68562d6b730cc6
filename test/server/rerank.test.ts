import { afterAll, beforeAll, expect, test } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { createApp, type ServerApp } from '../../lib/server/index.js'
import { temporaryFolder } from '../model/temporary.js'
import { makeReranker } from '../tasks/reranker.js'
import { json, post } from './requests.js'

const folder = temporaryFolder()
const query = 'Who lived in a busy city?'
const documents = ['A recipe for soup.', 'There lived a boy named Otto.', 'Otto, in a city.']

let model: Model
let app: ServerApp
beforeAll(async () => {
  model = await load(makeReranker(folder.join('reranker')), { threads: 1 })
  app = createApp({ models: { reranker: model, tiny: {} } })
})
afterAll(async () => {
  await app.close()
  await model.close()
})

test.each(['/v1/rerank', '/rerank', '/v2/rerank'])("%s gives the model's own ranking", async (path) => {
  const ranked = await model.rank(query, documents)
  const answer = await json(post(app, path, { model: 'reranker', query, documents }))
  const tokens = ranked.reduce((sum, one) => sum + one.tokens, 0)
  expect(answer).toEqual({
    id: expect.stringMatching(/^rerank-/),
    model: 'reranker',
    usage: { prompt_tokens: tokens, total_tokens: tokens },
    results: ranked.map(({ index, score, document }) => ({
      index,
      document: { text: document },
      relevance_score: score,
    })),
  })
})

test('the best alone, documents as objects, and none of them sent back', async () => {
  const objects = documents.map((text) => ({ text }))
  const all = await json(post(app, '/rerank', { query, documents, return_documents: false }))
  const best = await json(
    post(app, '/rerank', { query, documents: objects, top_n: 1, return_documents: false }),
  )
  expect(best.results).toEqual(all.results.slice(0, 1))
  expect(best.usage).toEqual(all.usage)
  expect(best.results[0]).not.toHaveProperty('document')
  expect((await json(post(app, '/rerank', { query, documents, top_n: 0 }))).results).toHaveLength(3)
})

test('a model that cannot rank says so, without a word of where it lies', async () => {
  const response = await post(app, '/v1/rerank', { model: 'tiny', query, documents })
  expect(response.status).toBe(400)
  const { error } = await json(response)
  expect(error).toMatchObject({ code: 'unsupported', param: 'model' })
  expect(error.message).not.toMatch(/[\\/]tiny/)
})

test.each([
  [{ query }, 'documents'],
  [{ query, documents: [] }, 'documents'],
  [{ query, documents: ['a', 5] }, 'documents[1]'],
  [{ query, documents: [{ text: 5 }] }, 'documents[0].text'],
  [{ query, documents, top_n: -1 }, 'top_n'],
])('%j: %s is wrong', async (body, param) => {
  const response = await post(app, '/rerank', body)
  expect(response.status).toBe(400)
  expect((await json(response)).error.param).toBe(param)
})
