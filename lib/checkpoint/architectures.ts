import type { LayerWeightKind, WeightKind } from './slots.js'

/** A family of decoders as Hugging Face names and stores it. All that differs from one to the next is here. */
export interface Architecture {
  /** `model_type` in config.json. */
  modelType: string
  /**
   * Of a model that sees, whose decoder is described in `text_config`: the `model_type` in there, which may be left out. undefined: the
   * decoder is all that config.json describes.
   */
  textType: string | undefined
  /** The class that `architectures` in config.json names. */
  className: string
  /** The same of an embedding model, where it was saved from its layers on. */
  baseClassName: string
  /** RMSNorm over each query and key head. */
  qkNorm: boolean
  /** Biases on the query, key and value projections. */
  qkvBias: boolean
  /** `attention_bias: true` in config.json adds biases to all four projections; where false, the key means nothing. */
  readsAttentionBias: boolean
  /** `mlp_bias: true` in config.json adds biases to the feed-forward network; where false, the key means nothing. */
  readsMlpBias: boolean
  /**
   * Where config.json says how many positions a token sees. `always`: `sliding_window` counts in every layer. `switched`: it counts where
   * `use_sliding_window` is true, in the layers that `layer_types` or `max_window_layers` choose.
   */
  window: 'none' | 'always' | 'switched'
  /** What config.json may say of rotary angles: `partial_rotary_factor` below 1, and the scaling `longrope` (by which `yarn` is meant too). */
  rotary: 'whole' | 'part or longrope'
  /** What Hugging Face takes where config.json has no such key. */
  defaults: {
    /** undefined: hidden / heads */
    headDim: number | undefined
    /** undefined: as many as heads */
    kvHeads: number | undefined
    tiedEmbeddings: boolean
    ropeTheta: number
    normEps: number
    contextLength: number
    /** Tokens that it was trained on before its context was stretched; undefined: contextLength. */
    originalContext: number | undefined
    /** undefined: none */
    window: number | undefined
    /** Tokens that end a reply. */
    stopTokens: number[] | undefined
  }
  /** What names begin with as they are published. Other programs save with other beginnings: see `findNames`. */
  prefix: string
  /** The names behind it; `{layer}` stands for the layer's number. The head's has none. */
  tensors: Record<WeightKind, string>
  /** Weights that are stored in one tensor: all with one name above, the rows of one below those of the other in this order. */
  fused: readonly (readonly LayerWeightKind[])[]
}

const tensors: Architecture['tensors'] = {
  embed: 'embed_tokens.weight',
  attention_norm: 'layers.{layer}.input_layernorm.weight',
  q: 'layers.{layer}.self_attn.q_proj.weight',
  k: 'layers.{layer}.self_attn.k_proj.weight',
  v: 'layers.{layer}.self_attn.v_proj.weight',
  q_bias: 'layers.{layer}.self_attn.q_proj.bias',
  k_bias: 'layers.{layer}.self_attn.k_proj.bias',
  v_bias: 'layers.{layer}.self_attn.v_proj.bias',
  q_norm: 'layers.{layer}.self_attn.q_norm.weight',
  k_norm: 'layers.{layer}.self_attn.k_norm.weight',
  o: 'layers.{layer}.self_attn.o_proj.weight',
  ffn_norm: 'layers.{layer}.post_attention_layernorm.weight',
  gate: 'layers.{layer}.mlp.gate_proj.weight',
  up: 'layers.{layer}.mlp.up_proj.weight',
  down: 'layers.{layer}.mlp.down_proj.weight',
  final_norm: 'norm.weight',
  head: 'lm_head.weight',
}

const qwenDefaults: Architecture['defaults'] = {
  headDim: undefined,
  kvHeads: 32,
  tiedEmbeddings: false,
  ropeTheta: 10_000,
  normEps: 1e-6,
  contextLength: 32_768,
  originalContext: undefined,
  window: 4096,
  stopTokens: undefined,
}

const qkv = 'layers.{layer}.self_attn.qkv_proj.weight'
const gateUp = 'layers.{layer}.mlp.gate_up_proj.weight'

/** One name for several weights. */
function nameAll<Kind extends LayerWeightKind>(kinds: readonly Kind[], name: string): Record<Kind, string> {
  return Object.fromEntries(kinds.map((kind) => [kind, name])) as Record<Kind, string>
}

const qwen3: Architecture = {
  modelType: 'qwen3',
  textType: undefined,
  className: 'Qwen3ForCausalLM',
  baseClassName: 'Qwen3Model',
  qkNorm: true,
  qkvBias: false,
  readsAttentionBias: true,
  readsMlpBias: false,
  window: 'switched',
  rotary: 'whole',
  defaults: { ...qwenDefaults, headDim: 128 },
  prefix: 'model.',
  tensors,
  fused: [],
}

const mistral: Architecture = {
  modelType: 'mistral',
  textType: undefined,
  className: 'MistralForCausalLM',
  baseClassName: 'MistralModel',
  qkNorm: false,
  qkvBias: false,
  readsAttentionBias: false,
  readsMlpBias: false,
  window: 'always',
  rotary: 'whole',
  defaults: { ...qwenDefaults, kvHeads: 8, contextLength: 131_072, stopTokens: [2] },
  prefix: 'model.',
  tensors,
  fused: [],
}

/** The decoders that quern runs. A new one is a new row and a golden test. */
export const architectures: readonly Architecture[] = [
  qwen3,
  {
    modelType: 'qwen2',
    textType: undefined,
    className: 'Qwen2ForCausalLM',
    baseClassName: 'Qwen2Model',
    qkNorm: false,
    qkvBias: true,
    readsAttentionBias: false,
    readsMlpBias: false,
    window: 'switched',
    rotary: 'whole',
    defaults: qwenDefaults,
    prefix: 'model.',
    tensors,
    fused: [],
  },
  {
    modelType: 'llama',
    textType: undefined,
    className: 'LlamaForCausalLM',
    baseClassName: 'LlamaModel',
    qkNorm: false,
    qkvBias: false,
    readsAttentionBias: true,
    readsMlpBias: true,
    window: 'none',
    rotary: 'whole',
    defaults: {
      ...qwenDefaults,
      kvHeads: undefined,
      contextLength: 2048,
      window: undefined,
      stopTokens: [2],
    },
    prefix: 'model.',
    tensors,
    fused: [],
  },
  mistral,
  {
    modelType: 'phi3',
    textType: undefined,
    className: 'Phi3ForCausalLM',
    baseClassName: 'Phi3Model',
    qkNorm: false,
    qkvBias: false,
    readsAttentionBias: false,
    readsMlpBias: false,
    window: 'always',
    rotary: 'part or longrope',
    defaults: {
      ...qwenDefaults,
      kvHeads: undefined,
      normEps: 1e-5,
      contextLength: 4096,
      originalContext: 4096,
      window: undefined,
      stopTokens: [32_000],
    },
    prefix: 'model.',
    tensors: { ...tensors, ...nameAll(['q', 'k', 'v'], qkv), ...nameAll(['gate', 'up'], gateUp) },
    fused: [
      ['q', 'k', 'v'],
      ['gate', 'up'],
    ],
  },
  {
    ...qwen3,
    modelType: 'qwen3_vl',
    textType: 'qwen3_vl_text',
    className: 'Qwen3VLForConditionalGeneration',
    baseClassName: 'Qwen3VLModel',
    window: 'none',
    defaults: { ...qwen3.defaults, ropeTheta: 500_000, contextLength: 128_000, window: undefined },
    prefix: 'model.language_model.',
  },
  {
    ...mistral,
    modelType: 'mistral3',
    textType: 'mistral',
    className: 'Mistral3ForConditionalGeneration',
    baseClassName: 'Mistral3Model',
    prefix: 'language_model.model.',
  },
]
