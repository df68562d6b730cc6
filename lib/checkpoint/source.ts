import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { QuernError } from '../errors.js'
import { quote } from '../files/quote.js'
import { isRepoId } from '../hub/repo.js'
import { readRepoUrl } from '../hub/repo-url.js'
import { show } from '../input/show.js'
import { bundledModelPath } from './bundled.js'
import { explainMissingBundled, explainMissingSource } from './explain-source.js'
import { isRandomModelId } from './random.js'

/** What a model's name stands for. */
export type ModelSource =
  | { kind: 'folder'; path: string }
  | { kind: 'safetensors'; path: string }
  | { kind: 'random'; id: string }
  | { kind: 'hub'; id: string; revision?: string | undefined }

/**
 * Finds what the name of a model means: a folder, a .safetensors file, a `file:` URL of either, a `random:` id or, if there is no such
 * folder, a model of the hub, by its id or the address of its page; nothing is the bundled model.
 *
 * @throws {QuernError} `invalid_input`, `missing_file`, `unsupported_format`.
 */
export async function resolveSource(given?: string | URL): Promise<ModelSource> {
  if (given === undefined) return bundledSource()
  const source = given instanceof URL ? hrefOf(given) : given
  if (typeof source !== 'string' || source === '' || source.includes('\0')) {
    const hint = typeof given === 'object' && given !== null ? '; options are the second argument' : ''
    throw new QuernError(
      'invalid_input',
      `a model is named by a folder, a file or an id such as org/name, got ${show(given)}${hint}`,
      { value: given },
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
  const page = readRepoUrl(source)
  if (page !== undefined) return { kind: 'hub', ...page }
  const path = /^file:/i.test(source) ? pathOf(source) : resolve(source)
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) return { kind: 'folder', path }
  if (found === undefined) {
    if (isRepoId(source) && !source.endsWith('.safetensors')) return { kind: 'hub', id: source }
    throw explainMissingSource(source, path)
  }
  if (path.endsWith('.safetensors')) return { kind: 'safetensors', path }
  throw new QuernError('unsupported_format', `${source}: expected a folder or a .safetensors file`, {
    value: source,
  })
}

const href = Object.getOwnPropertyDescriptor(URL.prototype, 'href')?.get as () => string

/** Undefined for what has the prototype alone. */
function hrefOf(url: URL): string | undefined {
  try {
    return href.call(url)
  } catch {
    return undefined
  }
}

async function bundledSource(): Promise<ModelSource> {
  const path = bundledModelPath()
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) return { kind: 'folder', path }
  throw explainMissingBundled(path)
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    throw new QuernError(
      'invalid_input',
      `${quote(url)} names no file of this machine: ${(cause as Error).message}`,
      {
        value: url,
        cause,
      },
    )
  }
}

/**
 * The revision to load, of the options or of the address of a page. One of what has none is refused: a folder that has a model's name would
 * be taken for that revision of the model.
 *
 * @throws {QuernError} `unsupported_option`, `invalid_option`.
 */
export function chooseRevision(
  source: ModelSource,
  { revision }: { revision?: string | undefined },
): string | undefined {
  if (source.kind === 'hub') {
    if (revision === undefined || source.revision === undefined) return revision ?? source.revision
    if (revision === source.revision) return revision
    throw new QuernError(
      'invalid_option',
      `revision: ${quote(revision)}, but the model's address says ${quote(source.revision)}`,
      { value: revision },
    )
  }
  if (revision === undefined) return undefined
  const what = source.kind === 'random' ? source.id : source.path
  throw new QuernError('unsupported_option', `revision is for models of the hub, ${what} is none`, {
    value: revision,
  })
}
