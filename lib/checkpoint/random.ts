import { QuernError } from '../errors.js'
import { quote } from '../files/quote.js'
import { greedyDefaults } from '../generation-defaults.js'
import { type Architecture, architectures } from './architectures.js'
import type { DecoderConfig, RopeConfig } from './decoder-config.js'
import { layerSpec, type PositionEncoding, withPositionEncoding } from './layer-spec.js'
import type { FoundTensor, ModelFiles } from './model-files.js'
import type { WeightDtype, WeightSource } from './plan.js'
import { type Slot, weightSlots } from './slots.js'
import { storedPlace } from './stored-tensors.js'

/** A shape of a real model for made-up weights. */
interface RandomShape {
  modelType: string
  layers: number
  hidden: number
  heads: number
  kvHeads: number
  headDim: number
  ffn: number
  vocab: number
  theta: number
  normEps: number
  contextLength: number
  window: number
  tiedEmbeddings: boolean
}

const qwen3 = {
  modelType: 'qwen3',
  kvHeads: 8,
  headDim: 128,
  vocab: 151_936,
  theta: 1e6,
  normEps: 1e-6,
  contextLength: 40_960,
  window: 0,
  tiedEmbeddings: true,
}

/** Qwen3's 4B numbers are those of Qwen3-4B-Instruct-2507, Mistral's those of 7B v0.1, Phi-3's those of mini-4k. */
const shapes: Readonly<Record<string, RandomShape>> = {
  'qwen3-0.6b': { ...qwen3, layers: 28, hidden: 1024, heads: 16, ffn: 3072 },
  'qwen3-1.7b': { ...qwen3, layers: 28, hidden: 2048, heads: 16, ffn: 6144 },
  'qwen3-4b': {
    ...qwen3,
    layers: 36,
    hidden: 2560,
    heads: 32,
    ffn: 9728,
    theta: 5e6,
    contextLength: 262_144,
  },
  'mistral-7b': {
    modelType: 'mistral',
    layers: 32,
    hidden: 4096,
    heads: 32,
    kvHeads: 8,
    headDim: 128,
    ffn: 14_336,
    vocab: 32_000,
    theta: 1e4,
    normEps: 1e-5,
    contextLength: 32_768,
    window: 4096,
    tiedEmbeddings: false,
  },
  'phi3-mini': {
    modelType: 'phi3',
    layers: 32,
    hidden: 3072,
    heads: 32,
    kvHeads: 32,
    headDim: 96,
    ffn: 8192,
    vocab: 32_064,
    theta: 1e4,
    normEps: 1e-5,
    contextLength: 4096,
    window: 2047,
    tiedEmbeddings: false,
  },
}

const prefix = 'random:'

/** Names that stand for a real model's shape with made-up weights. */
export const randomModelIds: readonly string[] = Object.keys(shapes).map((name) => prefix + name)

/** Whether a source is meant as the name of a random model, known or not. */
export function isRandomModelId(source: string): boolean {
  return source.startsWith(prefix)
}

/** How a random model's weights are made. */
export interface RandomModelOptions {
  /** The type of all weights. Default 'bf16'. */
  dtype?: WeightDtype | undefined
  /** The same seed gives the same weights. Default 0. */
  seed?: number | undefined
  /** Default 'rope'. */
  positionEncoding?: PositionEncoding | undefined
}

/**
 * A model with a real shape and seeded random weights, for measuring without a download. The matrices are uniform with a
 * standard deviation of 0.02 for the embedding and 1/√cols elsewhere, the norms 1, so that activations stay near 1.
 *
 * @throws {QuernError} `invalid_input` for an unknown name.
 * @example
 * ```ts
 * const { plan } = planModel(randomFiles('random:qwen3-0.6b', { dtype: 'f32', seed: 7 }))
 * ```
 */
export function randomFiles(id: string, options: RandomModelOptions = {}): ModelFiles {
  const { dtype = 'bf16', seed = 0, positionEncoding = 'rope' } = options
  const name = id.slice(prefix.length)
  const shape = isRandomModelId(id) && Object.hasOwn(shapes, name) ? shapes[name] : undefined
  if (shape === undefined) {
    throw new QuernError(
      'invalid_input',
      `${quote(id)} is no random model; there are ${randomModelIds.join(', ')}`,
      { value: id },
    )
  }
  const architecture = architectures.find(({ modelType }) => modelType === shape.modelType) as Architecture
  const decoder = withPositionEncoding(decoderOf(shape, architecture), positionEncoding)
  const names = { prefix: architecture.prefix, head: architecture.tensors.head }
  const tensors = new Map<string, FoundTensor>()
  for (const slot of weightSlots(decoder)) {
    const place = storedPlace(architecture, decoder, slot, names)
    const tensor = { name: place.name, shape: place.shape, dtype: dtype.toUpperCase() }
    tensors.set(place.name, { ...tensor, source: randomSource(slot) })
  }
  return {
    name: id,
    path: id,
    config: { architecture, decoder, stopTokens: [] },
    generation: { defaults: { ...greedyDefaults } },
    files: [],
    seed,
    find: (name) => tensors.get(name),
    stored: () => [],
    chatTemplates: new Map(),
  }
}

function decoderOf(shape: RandomShape, { qkNorm, qkvBias }: Architecture): DecoderConfig {
  const { heads, kvHeads, headDim, window, hidden, vocab, normEps, contextLength, tiedEmbeddings } = shape
  const rope: RopeConfig = {
    theta: shape.theta,
    dim: headDim,
    scaling: { type: 'none', factor: 1, originalContext: contextLength },
  }
  const sizes = { heads, kvHeads, headDim, window, qkNorm, qkvBias, ffn: shape.ffn }
  const layers = Array.from({ length: shape.layers }, () => layerSpec(sizes))
  return { layers, ropes: [rope], hidden, vocab, normEps, contextLength, tiedEmbeddings }
}

/** A uniform distribution over [-a, a] has the standard deviation a/√3. */
function randomSource({ kind, vector, cols }: Slot): WeightSource {
  if (vector) return { constant: 1 }
  return { random: kind === 'embed' ? Math.sqrt(3) * 0.02 : Math.sqrt(3 / cols) }
}
