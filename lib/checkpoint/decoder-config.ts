/**
 * How rotary angles are scaled; the formulas are in native/model/rope.cc.
 *
 * @example
 * ```ts
 * const { config } = model.info
 * for (const { scaling } of config.ropes) if (scaling.type === 'yarn') console.log(scaling.factor)
 * ```
 */
export interface RopeScaling {
  type: 'none' | 'linear' | 'dynamic' | 'yarn' | 'llama3' | 'longrope'
  /** linear, dynamic, yarn, llama3: how many times longer than trained. longrope: max context / original context. none: 1. */
  factor: number
  /** The context the model was trained on, in tokens (none, linear, dynamic: max_position_embeddings). */
  originalContext: number
  /** llama3: wavelengths above originalContext / lowFreqFactor are stretched whole. */
  lowFreqFactor?: number
  /** llama3: wavelengths below originalContext / highFreqFactor stay as they are. */
  highFreqFactor?: number
  /** yarn: turns within originalContext from which on a dimension stays as it is. */
  betaFast?: number
  /** yarn: turns within originalContext up to which a dimension is stretched whole. */
  betaSlow?: number
  /** yarn: always together with mscaleAllDim. */
  mscale?: number
  mscaleAllDim?: number
  /** yarn: the ramp's ends are rounded to whole dimensions. */
  truncate?: boolean
  /** yarn, longrope: what cos and sin are multiplied by, given outright instead of derived. */
  attentionFactor?: number
  /** longrope: dim / 2 divisors, for sequences within originalContext. */
  shortFactors?: number[]
  /** longrope: dim / 2 divisors, for longer ones. */
  longFactors?: number[]
}

/**
 * A rotary embedding: how queries and keys are turned by their positions.
 *
 * @example
 * ```ts
 * const rotates = ({ dim }: RopeConfig) => `${dim} numbers of a head`
 * ```
 */
export interface RopeConfig {
  /** The base. */
  theta: number
  /** How many of the first numbers of each head rotate; even. */
  dim: number
  scaling: RopeScaling
}

/**
 * Softmax attention over the tokens before. Members of one value are places: other models have another there, which config.json's reader and
 * the native core refuse by name until it is built.
 *
 * @example
 * ```ts
 * const seen = ({ window }: AttentionMixer) => (window === 0 ? 'all before it' : `${window} tokens`)
 * ```
 */
export interface AttentionMixer {
  kind: 'attention'
  /** Query heads; a multiple of kvHeads. */
  heads: number
  /** Heads of keys and values. */
  kvHeads: number
  /** Width of a head of queries, keys and values, even; heads × headDim need not be hidden. */
  headDim: number
  /** Positions that a token sees, its own included; 0: all before it. */
  window: number
  /** Which of the config's ropes turns queries and keys; -1: none. */
  rope: number
  /** ALiBi: each head lowers a score by its slope for every position between query and key. */
  alibi: boolean
  /** RMSNorm over each query and key head, before the rotation. */
  qkNorm: 'none' | 'head'
  /** Biases on the query, key and value projections. */
  bias: 'none' | 'qkv'
  /** What attention's output is multiplied by before it is projected. */
  gate: 'none'
  /** Scores that are there beside those of tokens and carry no value. */
  sinks: 'none'
  /** Whose keys and values are read. */
  keysAndValues: 'own'
}

/**
 * One feed-forward network for all tokens: `down(activation(gate x) * up x)`.
 *
 * @example
 * ```ts
 * const weights = ({ width }: DenseFfn, hidden: number) => 3 * width * hidden
 * ```
 */
export interface DenseFfn {
  kind: 'dense'
  /** Numbers between its matrices. */
  width: number
  activation: 'silu'
}

/**
 * A layer: a mixer of tokens, then a feed-forward network, each added to the residual stream. Further kinds (convolutions, recurrences, latent
 * attention; experts) become members of the two unions when they are built.
 *
 * @example
 * ```ts
 * const windowed = model.info.config.layers.filter(({ mixer }) => mixer.window > 0).length
 * ```
 */
export interface LayerSpec {
  mixer: AttentionMixer
  ffn: DenseFfn
  /** Where the RMSNorms stand: on what goes into mixer and feed-forward network. */
  norms: 'before'
}

/**
 * What makes one decoder different from another: all the native core knows of an architecture.
 *
 * @example
 * ```ts
 * const { layers, hidden, vocab }: DecoderConfig = model.info.config
 * console.log(layers.length, hidden, vocab, layers[0]?.mixer.heads)
 * ```
 */
export interface DecoderConfig {
  layers: LayerSpec[]
  /** The layers' rotary embeddings. */
  ropes: RopeConfig[]
  /** Width of the residual stream. */
  hidden: number
  /** Rows of the embedding: a tokenizer may know fewer tokens. */
  vocab: number
  /** Added to the mean square in every RMSNorm. */
  normEps: number
  /** Tokens a sequence may have. */
  contextLength: number
  /** The output matrix is the embedding. */
  tiedEmbeddings: boolean
}
