import { QuernError } from '../errors.js'
import type { ConfigOptions } from './config.js'
import { readFolder } from './folder.js'
import type { ModelFiles } from './model-files.js'
import { type RandomModelOptions, randomFiles } from './random.js'
import type { ModelSource } from './source.js'

/** What opening may need. */
export interface OpenOptions {
  /** What is wanted otherwise than the model's files have it. */
  config: ConfigOptions
  /** How a `random:` model is made. */
  random: RandomModelOptions
  /** Brings a model of the hub and gives its folder. */
  download(id: string): Promise<string>
}

/**
 * Reads the headers of what a model's name stands for, of whatever kind it is.
 *
 * @throws {QuernError} `unsupported_format` for one file, and what the kind's own function throws.
 */
export async function openFiles(
  source: ModelSource,
  { config, random, download }: OpenOptions,
): Promise<ModelFiles> {
  switch (source.kind) {
    case 'random':
      return randomFiles(source.id, { ...random, ...config })
    case 'folder':
      return readFolder(source.path, config)
    case 'hub':
      return { ...(await readFolder(await download(source.id), config)), name: source.id }
    case 'safetensors':
      throw new QuernError(
        'unsupported_format',
        `${source.path}: one file is not a model; pass the folder that holds it and its config.json`,
        { value: source.path },
      )
  }
}
