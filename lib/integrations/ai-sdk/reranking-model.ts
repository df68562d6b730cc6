import type { RankOptions } from '../../index.js'
import type { LazyModel } from '../model-handle.js'
import { forSdk } from './sdk-errors.js'
import type { RerankCall, RerankingModel, SpecificationVersion, Warning } from './spec.js'

/** A model that sorts documents, in the AI SDK's words, without `this` for its proxies. `providerOptions.quern` may hold `instruction` and `priority`. */
export class QuernRerankingModel<V extends SpecificationVersion> implements RerankingModel<V> {
  readonly provider = 'quern'
  readonly specificationVersion: V
  readonly modelId: string
  readonly doRerank: RerankingModel<V>['doRerank']

  constructor(specificationVersion: V, modelId: string, model: LazyModel) {
    this.specificationVersion = specificationVersion
    this.modelId = modelId
    this.doRerank = (call) => rerankWith(call, model, modelId)
  }
}

async function rerankWith(
  { query, documents, topN, abortSignal, providerOptions }: RerankCall,
  model: LazyModel,
  modelId: string,
): Promise<{
  ranking: { index: number; relevanceScore: number }[]
  warnings: Warning[]
  response: { timestamp: Date; modelId: string }
}> {
  const timestamp = new Date()
  const warnings: Warning[] = []
  if (documents.type === 'object') {
    const details = 'they are read as JSON text'
    warnings.push({ type: 'compatibility', feature: 'documents that are objects', details })
  }
  const texts = documents.values.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
  try {
    const loaded = await model.get()
    const options: RankOptions = { ...providerOptions?.quern, topN, signal: abortSignal }
    const ranked = await loaded.rank(query, texts, options)
    const ranking = ranked.map(({ index, score }) => ({ index, relevanceScore: score }))
    return { ranking, warnings, response: { timestamp, modelId } }
  } catch (error) {
    throw forSdk(error)
  }
}
