import { QuernError } from '../errors.js'
import { quote } from '../files/quote.js'
import { greedyDefaults } from '../generation-defaults.js'
import { type Architecture, architectures, tensorName } from './architectures.js'
import type { FoundTensor, ModelFiles } from './model-files.js'
import type { DecoderConfig, WeightDtype, WeightSource } from './plan.js'
import { type Slot, weightSlots } from './slots.js'

/** A shape of a real model for made-up weights. */
interface RandomShape {
  layers: number
  hidden: number
  heads: number
  ffn: number
  theta: number
  contextLength: number
}

/** The 4B's numbers are those of Qwen3-4B-Instruct-2507. */
const shapes: Readonly<Record<string, RandomShape>> = {
  'qwen3-0.6b': { layers: 28, hidden: 1024, heads: 16, ffn: 3072, theta: 1e6, contextLength: 40_960 },
  'qwen3-1.7b': { layers: 28, hidden: 2048, heads: 16, ffn: 6144, theta: 1e6, contextLength: 40_960 },
  'qwen3-4b': { layers: 36, hidden: 2560, heads: 32, ffn: 9728, theta: 5e6, contextLength: 262_144 },
}

/** All random models are of one kind. */
const architecture = architectures.find(({ modelType }) => modelType === 'qwen3') as Architecture

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
  const { dtype = 'bf16', seed = 0 } = options
  const name = id.slice(prefix.length)
  const shape = isRandomModelId(id) && Object.hasOwn(shapes, name) ? shapes[name] : undefined
  if (shape === undefined) {
    throw new QuernError(
      'invalid_input',
      `${quote(id)} is no random model; there are ${randomModelIds.join(', ')}`,
      { value: id },
    )
  }
  const decoder = qwen3Config(shape)
  const tensors = new Map<string, FoundTensor>()
  for (const slot of weightSlots(decoder)) {
    const tensor = { name: tensorName(architecture, slot), dtype: dtype.toUpperCase(), shape: shapeOf(slot) }
    tensors.set(tensor.name, { ...tensor, source: randomSource(slot) })
  }
  return {
    name: id,
    path: id,
    config: { architecture, decoder, stopTokens: [] },
    generation: { defaults: { ...greedyDefaults } },
    files: [],
    seed,
    find: (name) => tensors.get(name),
    chatTemplates: new Map(),
  }
}

/** As a checkpoint would have it. */
function shapeOf({ vector, rows, cols }: Slot): number[] {
  return vector ? [cols] : [rows, cols]
}

function qwen3Config({ theta, ...shape }: RandomShape): DecoderConfig {
  const headDim = 128
  return {
    ...shape,
    kvHeads: 8,
    headDim,
    vocab: 151_936,
    normEps: 1e-6,
    rope: { theta, dim: headDim, scaling: { type: 'none', factor: 1, originalContext: shape.contextLength } },
    qkNorm: true,
    qkvBias: false,
    tiedEmbeddings: true,
  }
}

/** A uniform distribution over [-a, a] has the standard deviation a/√3. */
function randomSource({ kind, vector, cols }: Slot): WeightSource {
  if (vector) return { constant: 1 }
  return { random: kind === 'embed' ? Math.sqrt(3) * 0.02 : Math.sqrt(3 / cols) }
}
