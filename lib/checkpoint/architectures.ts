import type { Slot, WeightKind } from './slots.js'

/** A family of decoders as Hugging Face names and stores it. All that differs from one to the next is here. */
export interface Architecture {
  /** `model_type` in config.json. */
  modelType: string
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
  /** What names begin with in a checkpoint of a model that generates. An embedding model is saved without it. */
  prefix: string
  /** The names behind it; `{layer}` stands for the layer's number. The head's has no prefix anywhere. */
  tensors: Record<WeightKind, string>
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
  stopTokens: undefined,
}

/** The decoders that quern runs. A new one is a new row and a golden test. */
export const architectures: readonly Architecture[] = [
  {
    modelType: 'qwen3',
    className: 'Qwen3ForCausalLM',
    baseClassName: 'Qwen3Model',
    qkNorm: true,
    qkvBias: false,
    readsAttentionBias: true,
    readsMlpBias: false,
    readsWindow: true,
    defaults: { ...qwenDefaults, headDim: 128 },
    prefix: 'model.',
    tensors,
  },
  {
    modelType: 'qwen2',
    className: 'Qwen2ForCausalLM',
    baseClassName: 'Qwen2Model',
    qkNorm: false,
    qkvBias: true,
    readsAttentionBias: false,
    readsMlpBias: false,
    readsWindow: true,
    defaults: qwenDefaults,
    prefix: 'model.',
    tensors,
  },
  {
    modelType: 'llama',
    className: 'LlamaForCausalLM',
    baseClassName: 'LlamaModel',
    qkNorm: false,
    qkvBias: false,
    readsAttentionBias: true,
    readsMlpBias: true,
    readsWindow: false,
    defaults: { ...qwenDefaults, kvHeads: undefined, contextLength: 2048, stopTokens: [2] },
    prefix: 'model.',
    tensors,
  },
]

/** What a checkpoint calls the tensor of a slot; `isBare`: of an embedding model, saved from its layers on. */
export function tensorName(
  { prefix, tensors }: Architecture,
  { kind, layer }: Pick<Slot, 'kind' | 'layer'>,
  isBare = false,
): string {
  return (isBare || kind === 'head' ? '' : prefix) + tensors[kind].replace('{layer}', String(layer))
}
