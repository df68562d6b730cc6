import { join, resolve } from 'node:path'
import { isFile } from '../files/read-file.js'
import { greedyDefaults } from '../generation-defaults.js'
import { readChatTemplates } from './chat-templates.js'
import { type Checkpoint, explainMissing, readCheckpoint } from './checkpoint.js'
import { type ConfigOptions, readConfig } from './config.js'
import { readFields } from './fields.js'
import { type GenerationConfig, readGenerationConfig } from './generation-config.js'
import type { ModelFiles } from './model-files.js'
import { findTokenizer } from './tokenizer-files.js'

/** A Hugging Face model folder. */
export interface ModelFolder extends ModelFiles {
  checkpoint: Checkpoint
}

/**
 * Reads a folder's config.json, generation_config.json and the headers of its weights. No weight is read, and no memory is reserved for any.
 *
 * @throws {QuernError} `missing_file`, `read_error`, `invalid_config`, `unsupported_model`, `unsupported_format`, and what
 * `readCheckpoint` throws.
 * @example
 * ```ts
 * const { plan, stopTokens } = planModel(await readFolder('models/tiny'))
 * ```
 */
export async function readFolder(folder: string, options: ConfigOptions = {}): Promise<ModelFolder> {
  const path = resolve(folder)
  const configPath = join(path, 'config.json')
  if (!(await isFile(configPath))) throw await explainMissing(path, 'no config.json')
  const config = readConfig(await readFields(configPath), options)
  const generation = await readGeneration(path)
  const checkpoint = await readCheckpoint(path)
  const tokenizer = await findTokenizer(path)
  return {
    name: path,
    path,
    config,
    generation,
    files: checkpoint.files.map(({ path, bytes }) => ({ path, bytes })),
    find(name) {
      const found = checkpoint.find(name)
      return found && { ...found.tensor, source: { file: found.file, offset: found.tensor.offset } }
    },
    stored: () => checkpoint.files.flatMap(({ tensors }) => [...tensors.values()]),
    ...(tokenizer !== undefined && { tokenizer }),
    chatTemplates: await readChatTemplates(path),
    checkpoint,
  }
}

async function readGeneration(folder: string): Promise<GenerationConfig> {
  const path = join(folder, 'generation_config.json')
  if (!(await isFile(path))) return { defaults: { ...greedyDefaults } }
  return readGenerationConfig(await readFields(path))
}
