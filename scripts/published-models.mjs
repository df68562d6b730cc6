// What is published of each family of lib/checkpoint/architectures.ts, by its `model_type`: for docs/models.md.

const bytes = 'BPE over bytes'
const characters = 'BPE over characters'
const unread = 'is refused with `unsupported_tokenizer`; `tokenizer: false` loads the model for ids alone'

export const publishedModels = {
  qwen3: {
    name: 'Qwen3',
    checkpoints:
      'Qwen3 0.6B, 1.7B, 4B, 8B, 14B, 32B; Qwen3-4B-Instruct-2507 and Qwen3-4B-Thinking-2507; Qwen3-Embedding and Qwen3-Reranker; DeepSeek-R1-0528-Qwen3-8B',
    tokenizer: bytes,
  },
  qwen2: {
    name: 'Qwen2, Qwen2.5',
    checkpoints:
      'Qwen2.5 0.5B, 1.5B, 3B, 7B and larger, with their Instruct and Coder models; DeepSeek-R1-Distill-Qwen',
    tokenizer: bytes,
  },
  llama: {
    name: 'Llama',
    checkpoints:
      'Llama 3 8B, 3.1 8B, 3.2 1B and 3B, 3.3 70B; DeepSeek-R1-Distill-Llama; SmolLM2 135M, 360M, 1.7B; Llama 2',
    tokenizer: `${bytes} (Llama 3, SmolLM2), ${characters} (Llama 2)`,
  },
  mistral: {
    name: 'Mistral',
    checkpoints: 'Mistral 7B v0.1 (a window of 4,096), v0.2 and v0.3 (none), and their Instruct models',
    tokenizer: characters,
  },
  phi3: {
    name: 'Phi-3, Phi-4',
    checkpoints:
      'Phi-3-mini-4k (a window of 2,047), Phi-3-mini-128k and Phi-3.5-mini (`longrope`), Phi-4-mini, Phi-4',
    tokenizer: `${characters} (Phi-3); that of Phi-4 and Phi-4-mini, with another expression, ${unread}`,
  },
  qwen3_vl: {
    name: 'Qwen3-VL',
    checkpoints: 'Qwen3-VL 2B, 4B, 8B, 32B, for text',
    tokenizer: bytes,
  },
  mistral3: {
    name: 'Mistral Small 3',
    checkpoints: 'Mistral Small 3.1 and 3.2 24B, Magistral Small and Devstral Small 1 of that form, for text',
    tokenizer: `Tekken, with an expression of its own, ${unread}`,
  },
}
