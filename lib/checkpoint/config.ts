import { quote } from '../files/quote.js'
import type { Range } from '../input/range.js'
import { type Architecture, architectures } from './architectures.js'
import type { Fields } from './fields.js'
import type { DecoderConfig } from './plan.js'
import { refuseQuantization } from './quantization.js'
import { positions, readRopeScaling, scaledContext } from './rope-scaling.js'

// Far above every model there is, and low enough that no product of two comes near 2^53.
const layersRange: Range = { min: 1, max: 4096 }
const widthRange: Range = { min: 1, max: 1 << 20 }
const headsRange: Range = { min: 1, max: 4096 }
const headDimRange: Range = { min: 2, max: 4096 }
const vocabRange: Range = { min: 1, max: 1 << 24 }
const thetaRange: Range = { min: 1e-6, max: 1e15 }
const epsRange: Range = { min: 0, above: true, max: 1 }

const windowRange: Range = { min: 1, max: Number.MAX_SAFE_INTEGER }
const windowedLayers: Range = { min: 0, max: 2 ** 31 - 1 }
/** What Hugging Face takes for a window that is on, and for the first layer that has it, where config.json says neither. */
const defaultWindow = 4096
const defaultWindowedLayers = 28

/** Activation functions that other models of these families use. */
const otherActivations = new Set([
  'gelu',
  'gelu_new',
  'gelu_fast',
  'gelu_pytorch_tanh',
  'quick_gelu',
  'relu',
  'relu2',
  'tanh',
  'mish',
])

/** What config.json says. */
export interface ModelConfig {
  architecture: Architecture
  decoder: DecoderConfig
  /** `eos_token_id`; generation_config.json overrides it. */
  stopTokens: number[] | undefined
}

/**
 * Reads config.json as transformers 4 (`rope_theta`, `rope_scaling`) or transformers 5 (`rope_parameters`) writes it. Where a key is
 * missing, what Hugging Face takes for that architecture is taken, which may be something else than for null; keys that the architecture
 * gives no meaning are ignored, whatever stands there.
 *
 * @throws {QuernError} `invalid_config` for values that make no sense, `unsupported_model` for those that ask for something that quern
 * cannot do yet.
 */
export function readConfig(fields: Fields): ModelConfig {
  const architecture = findArchitecture(fields)
  const { defaults } = architecture
  const hidden = fields.requiredInteger('hidden_size', widthRange)
  const heads = fields.requiredInteger('num_attention_heads', headsRange)
  const layers = fields.requiredInteger('num_hidden_layers', layersRange)
  const headDim = readHeadDim(fields, hidden, heads, defaults.headDim)
  if (heads * headDim > widthRange.max) {
    fields.fail('num_attention_heads', `at most ${widthRange.max} / head_dim, which is ${headDim}`)
  }
  const maxPositions = fields.integer('max_position_embeddings', positions) ?? defaults.contextLength
  const rope = readRope(fields, architecture, headDim, maxPositions)
  const decoder: DecoderConfig = {
    layers,
    hidden,
    heads,
    kvHeads: readKvHeads(fields, heads, defaults.kvHeads),
    headDim,
    ffn: fields.requiredInteger('intermediate_size', widthRange),
    vocab: fields.requiredInteger('vocab_size', vocabRange),
    normEps: fields.number('rms_norm_eps', epsRange) ?? defaults.normEps,
    contextLength: scaledContext(rope.scaling, maxPositions),
    rope,
    qkNorm: architecture.qkNorm,
    qkvBias: architecture.qkvBias,
    tiedEmbeddings: fields.boolean('tie_word_embeddings') ?? defaults.tiedEmbeddings,
  }
  const stopTokens = fields.states('eos_token_id') ? readStopTokens(fields) : defaults.stopTokens
  refuseUnsupported(fields, architecture, decoder)
  return { architecture, decoder, stopTokens }
}

/** Ids of tokens; -1 is none. Those beyond the vocabulary are harmless: they never come. */
const tokenIds: Range = { min: -1, max: 2 ** 31 - 1 }

/** `eos_token_id` of config.json or generation_config.json: one or several; undefined where it names none. */
export function readStopTokens(fields: Fields): number[] | undefined {
  const ids = fields.integers('eos_token_id', tokenIds)?.filter((id) => id >= 0)
  return ids?.length ? ids : undefined
}

/** What has a name that no row has may be any of the hundreds of families that exist: not supported, rather than wrong. */
function findArchitecture(fields: Fields): Architecture {
  const modelType = fields.string('model_type')
  const classNames = fields.strings('architectures') ?? []
  if (modelType === undefined && classNames.length === 0) return fields.missing('model_type')
  const isNamed = ({ className, baseClassName }: Architecture) =>
    classNames.includes(className) || classNames.includes(baseClassName)
  const row = architectures.find((row) =>
    modelType === undefined ? isNamed(row) : row.modelType === modelType,
  )
  if (row === undefined) {
    const supported = architectures.map((row) => (modelType === undefined ? row.className : row.modelType))
    const name = quote(modelType ?? classNames.join(', '))
    return fields.unsupported(
      `the architecture ${name}${describeText(fields)} is`,
      `, only ${supported.join(', ')} are`,
    )
  }
  if (classNames.length > 0 && !isNamed(row)) {
    return fields.unsupported(
      `${quote(classNames.join(', '))} (a ${row.modelType} that is no ${row.className}) is`,
    )
  }
  return row
}

/** Models that see or hear keep the decoder's own configuration in `text_config`. */
function describeText(fields: Fields): string {
  const textType = fields.object('text_config')?.string('model_type')
  return textType === undefined ? '' : ` (its text model: ${quote(textType)})`
}

function readHeadDim(fields: Fields, hidden: number, heads: number, fallback: number | undefined): number {
  let headDim = fields.integer('head_dim', headDimRange) ?? (fields.states('head_dim') ? undefined : fallback)
  if (headDim === undefined) {
    headDim = hidden / heads
    if (!Number.isInteger(headDim))
      fields.fail('hidden_size', `a multiple of num_attention_heads, ${heads}, where there is no head_dim`)
  }
  if (headDim % 2 !== 0 || headDim > headDimRange.max) {
    fields.fail('head_dim', `even, since it is rotated in pairs, and at most ${headDimRange.max}`, headDim)
  }
  return headDim
}

function readKvHeads(fields: Fields, heads: number, fallback: number | undefined): number {
  const absent = fields.states('num_key_value_heads') ? heads : (fallback ?? heads)
  const kvHeads = fields.integer('num_key_value_heads', headsRange) ?? absent
  if (heads % kvHeads !== 0)
    fields.fail('num_attention_heads', `a multiple of num_key_value_heads, ${kvHeads}`)
  return kvHeads
}

function readRope(
  fields: Fields,
  { defaults }: Architecture,
  headDim: number,
  maxPositions: number,
): DecoderConfig['rope'] {
  const parameters = fields.object('rope_parameters')
  const older = fields.object('rope_scaling')
  // Guides say to add rope_scaling for long texts: in a config of transformers 5 it stands beside rope_parameters then, and counts.
  const chosen = older?.isEmpty === false ? older : parameters
  const scaling = readRopeScaling(chosen, { headDim, maxPositions, topLevel: fields })
  const theta =
    chosen?.number('rope_theta', thetaRange) ??
    parameters?.number('rope_theta', thetaRange) ??
    fields.number('rope_theta', thetaRange) ??
    defaults.ropeTheta
  for (const place of [chosen, fields]) {
    const factor = place?.number('partial_rotary_factor', { min: 0, above: true, max: 1 }) ?? 1
    if (factor !== 1)
      fields.unsupported(`rotating only a part of each head (partial_rotary_factor ${factor}) is`)
  }
  return { theta, dim: headDim, scaling }
}

/** Whatever would change the arithmetic, and isn't in DecoderConfig. */
function refuseUnsupported(fields: Fields, architecture: Architecture, decoder: DecoderConfig): void {
  const activation = fields.string('hidden_act') ?? 'silu'
  if (otherActivations.has(activation)) fields.unsupported(`the activation function ${activation} is`)
  if (activation !== 'silu' && activation !== 'swish') fields.fail('hidden_act', '"silu"')

  const positionEncoding = fields.string('position_encoding') ?? 'rope'
  if (!['rope', 'alibi', 'rope+alibi'].includes(positionEncoding))
    fields.fail('position_encoding', 'rope, alibi or rope+alibi')
  if (positionEncoding !== 'rope') fields.unsupported(`position_encoding ${positionEncoding} is`)

  if (architecture.readsAttentionBias && fields.boolean('attention_bias')) {
    fields.unsupported('attention_bias (biases on all four projections) is')
  }
  if (architecture.readsMlpBias && fields.boolean('mlp_bias')) fields.unsupported('mlp_bias is')
  refuseWindow(fields, architecture, decoder)
  const quantization = fields.object('quantization_config')
  if (quantization !== undefined) refuseQuantization(quantization)
}

/** A window that no sequence outgrows, or that is switched off as in Qwen2.5, is no window. */
function refuseWindow(
  fields: Fields,
  { readsWindow }: Architecture,
  { layers, contextLength }: DecoderConfig,
): void {
  if (!readsWindow) return
  const layerTypes = fields.strings('layer_types')
  const unknown = layerTypes?.find((type) => type !== 'full_attention' && type !== 'sliding_attention')
  if (unknown !== undefined) fields.unsupported(`a layer of type ${unknown.slice(0, 80)} is`)
  if (!fields.boolean('use_sliding_window')) return
  const absent = fields.states('sliding_window') ? undefined : defaultWindow
  const window = fields.integer('sliding_window', windowRange) ?? absent
  if (window === undefined || window >= contextLength) return
  const isWindowed =
    layerTypes?.includes('sliding_attention') ??
    (fields.integer('max_window_layers', windowedLayers) ?? defaultWindowedLayers) < layers
  if (isWindowed) fields.unsupported(`a sliding window (${window} tokens) is`)
}
