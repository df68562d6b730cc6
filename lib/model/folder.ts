import { join, resolve } from 'node:path'
import { QuernError } from '../errors.js'
import { type GenerationDefaults, greedyDefaults } from '../generation/defaults.js'
import type { Architecture } from './architectures.js'
import { type ChatTemplates, readChatTemplates } from './chat-templates.js'
import { type Checkpoint, explainMissing, readCheckpoint } from './checkpoint.js'
import { readConfig } from './config.js'
import { readFields } from './fields.js'
import { readGenerationConfig } from './generation-config.js'
import type { ModelPlan, PlannedWeight, WeightDtype } from './plan.js'
import { quote } from '../files/quote.js'
import { isFile } from '../files/read-file.js'
import type { StoredDtype, StoredTensor } from './safetensors.js'
import { type Slot, weightSlots } from './slots.js'
import { findTokenizer, type TokenizerFiles } from './tokenizer-files.js'

/** A Hugging Face model folder, read from its headers: ready to be loaded. */
export interface ModelFolder {
  /** Absolute. */
  path: string
  /** `model_type` of config.json. */
  architecture: string
  plan: ModelPlan
  /** From generation_config.json; greedy without one. */
  generation: GenerationDefaults
  /** Tokens that end a reply: generation_config.json's, or else config.json's. Those outside the vocabulary are left out. */
  stopTokens: number[]
  bosToken?: number
  tokenizer?: TokenizerFiles
  chatTemplates: ChatTemplates
  checkpoint: Checkpoint
}

const weightDtypes: Partial<Record<StoredDtype, WeightDtype>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' }

/**
 * Reads a folder's config.json, generation_config.json and the headers of its weights, checks them against each other, and plans where
 * every weight comes from. No weight is read, and no memory is reserved for any.
 *
 * A second copy of the embedding under `lm_head.weight`, as some tied checkpoints have, is ignored, and so is every tensor that the
 * architecture does not need.
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
  const plan: ModelPlan = {
    config: config.decoder,
    files: checkpoint.files.map(({ path, bytes }) => ({ path, bytes })),
    weights: planWeights(path, config.architecture, config.decoder, checkpoint),
  }
  const tokenizer = await findTokenizer(path)
  const stopTokens = generation.stopTokens ?? config.stopTokens ?? []
  const bosToken = generation.bosToken ?? config.bosToken
  return {
    path,
    architecture: config.architecture.modelType,
    plan,
    generation: generation.defaults,
    stopTokens: [...new Set(stopTokens)].filter((token) => token < config.decoder.vocab),
    ...(bosToken !== undefined && { bosToken }),
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

function planWeights(
  folder: string,
  architecture: Architecture,
  config: ModelPlan['config'],
  checkpoint: Checkpoint,
): PlannedWeight[] {
  const weights: PlannedWeight[] = []
  for (const slot of weightSlots(config)) {
    const name = architecture.tensors[slot.kind].replace('{layer}', String(slot.layer))
    const found = checkpoint.find(name)
    if (found === undefined) throw explainMissingTensor(folder, architecture, slot, name, checkpoint)
    const path = checkpoint.files[found.file]?.path ?? folder
    weights.push({
      slot: slot.slot,
      dtype: checkTensor(path, found.tensor, slot),
      rows: slot.rows,
      cols: slot.cols,
      source: { file: found.file, offset: found.tensor.offset },
    })
  }
  return weights
}

function checkTensor(
  path: string,
  { name, dtype, shape }: StoredTensor,
  { rows, cols, vector }: Slot,
): WeightDtype {
  const expected = vector ? [cols] : [rows, cols]
  if (shape.length !== expected.length || shape.some((dimension, i) => dimension !== expected[i])) {
    throw new QuernError(
      'wrong_shape',
      `${path}: tensor ${quote(name)} has the shape ${quote(shape)}, config.json asks for ${quote(expected)}`,
      { value: shape },
    )
  }
  const weightDtype = weightDtypes[dtype]
  if (weightDtype === undefined) {
    throw new QuernError(
      'wrong_dtype',
      `${path}: tensor ${quote(name)} is ${dtype}, expected F32, F16 or BF16`,
      { value: dtype },
    )
  }
  return weightDtype
}

function explainMissingTensor(
  folder: string,
  architecture: Architecture,
  { kind }: Slot,
  name: string,
  checkpoint: Checkpoint,
): QuernError {
  const bare = architecture.tensors.embed.replace(/^model\./, '')
  if (kind === 'embed' && checkpoint.find(bare) !== undefined) {
    return new QuernError(
      'unsupported_model',
      `${folder}: an embedding model (${quote(bare)} without "model." before it): not supported yet, only models that generate text are`,
      { value: bare },
    )
  }
  const place =
    checkpoint.files.length === 1 ? checkpoint.files[0]?.path : `${folder} (${checkpoint.files.length} files)`
  return new QuernError(
    'missing_tensor',
    `${place}: tensor ${quote(name)} is missing, config.json asks for it`,
    { value: name },
  )
}
