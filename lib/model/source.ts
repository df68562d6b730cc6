import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { QuernError } from '../errors.js'
import { isRepoId } from '../hub/repo.js'
import { bundledModelPath } from './bundled.js'
import { quote } from '../files/quote.js'
import { isRandomModelId } from './random.js'

/** What a model's name stands for. */
export type ModelSource =
  | { kind: 'folder'; path: string }
  | { kind: 'safetensors'; path: string }
  | { kind: 'random'; id: string }
  | { kind: 'hub'; id: string }

/**
 * Finds what the name of a model means: a folder, a .safetensors file, a `random:` id or, if there is no such folder, a model of the hub;
 * nothing is the bundled model.
 *
 * @throws {QuernError} `invalid_input`, `missing_file`, `unsupported_format`.
 */
export async function resolveSource(source?: string): Promise<ModelSource> {
  if (source === undefined) return { kind: 'folder', path: bundledModelPath() }
  if (typeof source !== 'string' || source === '' || source.includes('\0')) {
    throw new QuernError(
      'invalid_input',
      `a model is named by a folder, a file or an id such as org/name, got ${quote(source)}`,
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
  if (found === undefined) {
    if (isRepoId(source) && !source.endsWith('.safetensors')) return { kind: 'hub', id: source }
    throw new QuernError('missing_file', `${path}: no such file or folder`, { value: source })
  }
  if (source.endsWith('.safetensors')) return { kind: 'safetensors', path }
  throw new QuernError('unsupported_format', `${source}: expected a folder or a .safetensors file`, {
    value: source,
  })
}

/**
 * Refuses a revision of what has none: a folder that has a model's name would be taken for that revision of the model.
 *
 * @throws {QuernError} `unsupported_option`.
 */
export function checkRevision(source: ModelSource, { revision }: { revision?: string | undefined }): void {
  if (revision === undefined || source.kind === 'hub') return
  const what = source.kind === 'random' ? source.id : source.path
  throw new QuernError('unsupported_option', `revision is for models of the hub, ${what} is none`, {
    value: revision,
  })
}
