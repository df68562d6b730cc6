import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { QuernError } from '../errors.js'
import { bundledModelPath } from './bundled.js'
import { quote } from './quote.js'
import { isRandomModelId } from './random.js'

/** What a model's name stands for. */
export type ModelSource =
  | { kind: 'folder'; path: string }
  | { kind: 'safetensors'; path: string }
  | { kind: 'random'; id: string }

/**
 * Finds what the name of a model means: a folder, a .safetensors file or a `random:` id; nothing is the bundled model.
 *
 * @throws {QuernError} `invalid_input`, `missing_file`, `unsupported_format`.
 */
export async function resolveSource(source?: string): Promise<ModelSource> {
  if (source === undefined) return { kind: 'folder', path: bundledModelPath() }
  if (typeof source !== 'string' || source === '' || source.includes('\0')) {
    throw new QuernError(
      'invalid_input',
      `a model is named by a folder, a file or an id, got ${quote(source)}`,
      { value: source },
    )
  }
  if (isRandomModelId(source)) return { kind: 'random', id: source }
  if (source.endsWith('.gguf')) {
    throw new QuernError(
      'unsupported_format',
      `${source}: GGUF files are not supported yet, only folders with safetensors`,
      {
        value: source,
      },
    )
  }
  const path = resolve(source)
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) return { kind: 'folder', path }
  if (found === undefined) throw explainMissing(source, path)
  if (source.endsWith('.safetensors')) return { kind: 'safetensors', path }
  throw new QuernError('unsupported_format', `${source}: expected a folder or a .safetensors file`, {
    value: source,
  })
}

/** `org/name` may be meant as a hub id: then "no such folder" would send people the wrong way. */
function explainMissing(source: string, path: string): QuernError {
  const isHubId = /^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(source) && !source.endsWith('.safetensors')
  if (!isHubId) return new QuernError('missing_file', `${path}: no such file or folder`, { value: source })
  return new QuernError(
    'unsupported_format',
    `${source}: there is no such folder, and models of the Hugging Face hub cannot be fetched by id yet; download it and pass the folder`,
    { value: source },
  )
}
