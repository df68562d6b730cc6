import type { WeightKind } from './slots.js'

/** A family of decoders as Hugging Face names and stores it. All that differs from one to the next is here. */
export interface Architecture {
  /** `model_type` in config.json. */
  modelType: string
  /** The class that `architectures` in config.json names. */
  className: string
  /** RMSNorm over each query and key head. */
  qkNorm: boolean
  /** Biases on the query, key and value projections. */
  qkvBias: boolean
  /** `attention_bias: true` in config.json adds biases to all four projections; where false, the key means nothing. */
  readsAttentionBias: boolean
  /** `mlp_bias: true` in config.json adds biases to the feed-forward network; where false, the key means nothing. */
  readsMlpBias: boolean
  /** `use_sliding_window` and its companions in config.json have a meaning. */
  readsWindow: boolean
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
    /** Tokens that end a reply. */
    stopTokens: number[] | undefined
  }
  /** Names in a checkpoint; `{layer}` stands for the layer's number. */
  tensors: Record<WeightKind, string>
}

const tensors: Architecture['tensors'] = {
  embed: 'model.embed_tokens.weight',
  attention_norm: 'model.layers.{layer}.input_layernorm.weight',
  q: 'model.layers.{layer}.self_attn.q_proj.weight',
  k: 'model.layers.{layer}.self_attn.k_proj.weight',
  v: 'model.layers.{layer}.self_attn.v_proj.weight',
  q_bias: 'model.layers.{layer}.self_attn.q_proj.bias',
  k_bias: 'model.layers.{layer}.self_attn.k_proj.bias',
  v_bias: 'model.layers.{layer}.self_attn.v_proj.bias',
  q_norm: 'model.layers.{layer}.self_attn.q_norm.weight',
  k_norm: 'model.layers.{layer}.self_attn.k_norm.weight',
  o: 'model.layers.{layer}.self_attn.o_proj.weight',
  ffn_norm: 'model.layers.{layer}.post_attention_layernorm.weight',
  gate: 'model.layers.{layer}.mlp.gate_proj.weight',
  up: 'model.layers.{layer}.mlp.up_proj.weight',
  down: 'model.layers.{layer}.mlp.down_proj.weight',
  final_norm: 'model.norm.weight',
  head: 'lm_head.weight',
}

const qwenDefaults: Architecture['defaults'] = {
  headDim: undefined,
  kvHeads: 32,
  tiedEmbeddings: false,
  ropeTheta: 10_000,
  normEps: 1e-6,
  contextLength: 32_768,
  stopTokens: undefined,
}

/** The decoders that quern runs. A new one is a new row and a golden test. */
export const architectures: readonly Architecture[] = [
  {
    modelType: 'qwen3',
    className: 'Qwen3ForCausalLM',
    qkNorm: true,
    qkvBias: false,
    readsAttentionBias: true,
    readsMlpBias: false,
    readsWindow: true,
    defaults: { ...qwenDefaults, headDim: 128 },
    tensors,
  },
  {
    modelType: 'qwen2',
    className: 'Qwen2ForCausalLM',
    qkNorm: false,
    qkvBias: true,
    readsAttentionBias: false,
    readsMlpBias: false,
    readsWindow: true,
    defaults: qwenDefaults,
    tensors,
  },
  {
    modelType: 'llama',
    className: 'LlamaForCausalLM',
    qkNorm: false,
    qkvBias: false,
    readsAttentionBias: true,
    readsMlpBias: true,
    readsWindow: false,
    defaults: { ...qwenDefaults, kvHeads: undefined, contextLength: 2048, stopTokens: [2] },
    tensors,
  },
]
