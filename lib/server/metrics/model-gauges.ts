import type { Model, ModelStats } from '../../index.js'
import type { ServedModels } from '../served-models.js'
import { Gauge } from './prometheus.js'

const positionsPerPage = 16

/** How busy the models are at this moment: those that are loaded, the others do nothing. */
export function modelGauges(models: ServedModels): Gauge[] {
  const running = new Gauge('vllm:num_requests_running', 'Requests being computed.')
  const waiting = new Gauge('vllm:num_requests_waiting', 'Requests waiting for memory or their turn.')
  const usage = new Gauge('vllm:kv_cache_usage_perc', 'Of the KV cache, what requests hold; 1 is all of it.')
  const olderUsage = new Gauge('vllm:gpu_cache_usage_perc', 'The older name of vllm:kv_cache_usage_perc.')
  const cache = new Gauge(
    'vllm:cache_config_info',
    'Positions that the KV cache has room for: blocks, and positions in each.',
  )
  const loaded = new Gauge('quern_model_loaded', 'Whether a model is in memory: 1, or 0.')
  const bytes = new Gauge('quern_model_memory_bytes', 'Memory of a model, by what it is for.')
  for (const { name, model } of models.all()) {
    const labels = { model_name: name }
    const stats = statsOf(model)
    const share = stats ? stats.kvCache.pagesInUse / stats.kvCache.pages : 0
    running.set(labels, stats?.active ?? 0)
    waiting.set(labels, stats?.queued ?? 0)
    usage.set(labels, share)
    olderUsage.set(labels, share)
    loaded.set(labels, stats ? 1 : 0)
    if (!stats) continue
    const blocks = Math.floor(stats.kvCache.pages / (model?.info.kvGroups ?? 1)) // a page for each group of layers
    const config = { block_size: positionsPerPage, num_gpu_blocks: blocks }
    cache.set({ ...labels, ...config }, 1)
    bytes.set({ ...labels, kind: 'weights' }, stats.memory.weights)
    bytes.set({ ...labels, kind: 'kv_cache' }, stats.kvCache.bytes)
    bytes.set({ ...labels, kind: 'workspace' }, stats.memory.workspace)
  }
  return [running, waiting, usage, olderUsage, cache, loaded, bytes]
}

/** Nothing for a model that is not loaded, or that its owner has closed. */
function statsOf(model: Model | undefined): ModelStats | undefined {
  try {
    return model?.stats()
  } catch {
    return undefined
  }
}
