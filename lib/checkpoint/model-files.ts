import type { ChatTemplates } from './chat-templates.js'
import type { ModelConfig } from './config.js'
import type { GenerationConfig } from './generation-config.js'
import type { ModelPlan, WeightSource } from './plan.js'
import type { TokenizerFiles } from './tokenizer-files.js'

/** A tensor of a model, by the name that its files give it. */
export interface FoundTensor {
  name: string
  /** As safetensors spells it: `BF16`. */
  dtype: string
  shape: readonly number[]
  source: WeightSource
}

/** A model as far as its headers tell it, whatever its files' format. No weight is read. Each kind of source has one function that gives this. */
export interface ModelFiles extends Pick<ModelPlan, 'files' | 'seed'> {
  /** What its user calls it: the folder, or an id. */
  name: string
  /** The folder, absolute; of a model that is made up its id. */
  path: string
  config: ModelConfig
  generation: GenerationConfig
  find(name: string): FoundTensor | undefined
  /** All tensors of its files; of a model that is made up none. */
  stored(): Iterable<{ name: string; bytes: number }>
  tokenizer?: TokenizerFiles
  chatTemplates: ChatTemplates
}
