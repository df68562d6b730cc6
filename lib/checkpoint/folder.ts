import { join, resolve } from 'node:path'
import { type GenerationDefaults, greedyDefaults } from '../generation-defaults.js'
import { type ChatTemplates, readChatTemplates } from './chat-templates.js'
import { type Checkpoint, explainMissing, readCheckpoint } from './checkpoint.js'
import { readConfig } from './config.js'
import { readFields } from './fields.js'
import { readGenerationConfig } from './generation-config.js'
import type { ModelPlan, PlannedWeight } from './plan.js'
import { planWeights } from './plan-weights.js'
import { isFile } from '../files/read-file.js'
import { findTokenizer, type TokenizerFiles } from './tokenizer-files.js'

/** A Hugging Face model folder, read from its headers: ready to be loaded. */
export interface ModelFolder {
  /** Absolute. */
  path: string
  /** `model_type` of config.json. */
  architecture: string
  plan: ModelPlan
  /** An output matrix that is stored although config.json ties it to the embedding; whether it is the same, only its numbers tell. */
  spareHead?: PlannedWeight
  /** From generation_config.json; greedy without one. */
  generation: GenerationDefaults
  /** Tokens that end a reply: generation_config.json's, or else config.json's. Those outside the vocabulary are left out. */
  stopTokens: number[]
  tokenizer?: TokenizerFiles
  chatTemplates: ChatTemplates
  checkpoint: Checkpoint
}

/**
 * Reads a folder's config.json, generation_config.json and the headers of its weights, checks them against each other, and plans where
 * every weight comes from. No weight is read, and no memory is reserved for any.
 *
 * Every tensor that the architecture does not need is ignored.
 *
 * @throws {QuernError} `missing_file`, `read_error`, `invalid_config`, `unsupported_model`, `unsupported_format`, `missing_tensor`,
 * `wrong_shape`, `wrong_dtype`, and what `readCheckpoint` throws.
 * @example
 * ```ts
 * const { plan, stopTokens } = await readFolder('models/tiny')
 * ```
 */
export async function readFolder(folder: string): Promise<ModelFolder> {
  const path = resolve(folder)
  const configPath = join(path, 'config.json')
  if (!(await isFile(configPath))) throw await explainMissing(path, 'no config.json')
  const config = readConfig(await readFields(configPath))
  const generation = await readGeneration(path)
  const checkpoint = await readCheckpoint(path)
  const { spareHead, ...planned } = planWeights(path, config.architecture, config.decoder, checkpoint)
  const files = checkpoint.files.map(({ path, bytes }) => ({ path, bytes }))
  const tokenizer = await findTokenizer(path)
  const stopTokens = generation.stopTokens ?? config.stopTokens ?? []
  return {
    path,
    architecture: config.architecture.modelType,
    plan: { ...planned, files },
    ...(spareHead !== undefined && { spareHead }),
    generation: generation.defaults,
    stopTokens: [...new Set(stopTokens.filter((token) => token < config.decoder.vocab))],
    ...(tokenizer !== undefined && { tokenizer }),
    chatTemplates: await readChatTemplates(path),
    checkpoint,
  }
}

async function readGeneration(folder: string) {
  const path = join(folder, 'generation_config.json')
  if (!(await isFile(path))) return { defaults: { ...greedyDefaults } }
  return readGenerationConfig(await readFields(path))
}
