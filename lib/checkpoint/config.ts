import type { Range } from '../input/range.js'
import type { Architecture } from './architectures.js'
import type { DecoderConfig } from './decoder-config.js'
import type { Fields } from './fields.js'
import { type FoundDecoder, findDecoder } from './find-decoder.js'
import { layerSpec, type PositionEncoding, positionEncodings, withPositionEncoding } from './layer-spec.js'
import { refuseQuantization } from './quantization.js'
import { readRope } from './rope-config.js'
import { positions, scaledContext } from './rope-scaling.js'
import { readWindows } from './window-config.js'

// Far above every model there is, and low enough that no product of two comes near 2^53.
/** The deepest models have fewer than 150; each is planned while the event loop waits. */
const layersRange: Range = { min: 1, max: 512 }
const widthRange: Range = { min: 1, max: 1 << 20 }
const headsRange: Range = { min: 1, max: 4096 }
const headDimRange: Range = { min: 2, max: 4096 }
const vocabRange: Range = { min: 1, max: 1 << 24 }
const epsRange: Range = { min: 0, above: true, max: 1 }

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

/** What a caller may want otherwise than config.json has it. */
export interface ConfigOptions {
  positionEncoding?: PositionEncoding | undefined
}

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
 * gives no meaning are ignored, whatever stands there. Of a model that sees, the decoder in `text_config` is read.
 *
 * @throws {QuernError} `invalid_config` for values that make no sense, `unsupported_model` for those that ask for something that quern
 * cannot do yet.
 */
export function readConfig(config: Fields, options: ConfigOptions = {}): ModelConfig {
  const found = findDecoder(config)
  const { architecture, fields, whole } = found
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
  const contextLength = scaledContext(rope.scaling, maxPositions)
  // Angles that adapt to a sequence's length let it outgrow the context.
  const longest = rope.scaling.type === 'dynamic' ? positions.max : contextLength
  const { qkNorm, qkvBias } = architecture
  const kvHeads = readKvHeads(fields, heads, defaults.kvHeads)
  const ffn = fields.requiredInteger('intermediate_size', widthRange)
  const sizes = { heads, kvHeads, headDim, qkNorm, qkvBias, ffn }
  const windows = readWindows(fields, architecture, layers, longest)
  const decoder: DecoderConfig = {
    layers: windows.map((window) => layerSpec({ ...sizes, window })),
    ropes: [rope],
    hidden,
    vocab: fields.requiredInteger('vocab_size', vocabRange),
    normEps: fields.number('rms_norm_eps', epsRange) ?? defaults.normEps,
    contextLength,
    tiedEmbeddings:
      whole.boolean('tie_word_embeddings') ??
      fields.boolean('tie_word_embeddings') ??
      defaults.tiedEmbeddings,
  }
  const stopping = whole.has('eos_token_id') ? whole : fields
  const stopTokens = stopping.states('eos_token_id') ? readStopTokens(stopping) : defaults.stopTokens
  refuseUnsupported(found)
  const encoding =
    options.positionEncoding ?? readPositionEncoding(whole.has('position_encoding') ? whole : fields)
  return { architecture, decoder: withPositionEncoding(decoder, encoding), stopTokens }
}

/** Ids of tokens; -1 is none. Those beyond the vocabulary are harmless: they never come. */
const tokenIds: Range = { min: -1, max: 2 ** 31 - 1 }

/** `eos_token_id` of config.json or generation_config.json: one or several; undefined where it names none. */
export function readStopTokens(fields: Fields): number[] | undefined {
  const ids = fields.integers('eos_token_id', tokenIds)?.filter((id) => id >= 0)
  return ids?.length ? ids : undefined
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

/** Hugging Face knows no such key: it is for models that were trained otherwise than their family. */
function readPositionEncoding(fields: Fields): PositionEncoding {
  const stated = fields.string('position_encoding') ?? 'rope'
  const encoding = positionEncodings.find((one) => one === stated)
  return encoding ?? fields.fail('position_encoding', 'rope, alibi or rope+alibi')
}

/** Whatever would change the arithmetic, and isn't in DecoderConfig. */
function refuseUnsupported({ architecture, fields, whole }: FoundDecoder): void {
  const activation = fields.string('hidden_act') ?? 'silu'
  if (otherActivations.has(activation)) fields.unsupported(`the activation function ${activation} is`)
  if (activation !== 'silu' && activation !== 'swish') fields.fail('hidden_act', '"silu"')

  if (architecture.readsAttentionBias && fields.boolean('attention_bias')) {
    fields.unsupported('attention_bias (biases on all four projections) is')
  }
  if (architecture.readsMlpBias && fields.boolean('mlp_bias')) fields.unsupported('mlp_bias is')
  const quantization = whole.object('quantization_config') ?? fields.object('quantization_config')
  if (quantization !== undefined) refuseQuantization(quantization)
}
