import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { QuernError } from '../errors.js'
import { quote } from '../files/quote.js'
import { isRepoId } from '../hub/repo.js'
import { packageFolder, wasMoved } from '../package.js'

const example = 'such as Qwen/Qwen3-0.6B'

/** The error for a name that is neither a folder or file here, at `path`, nor the id of a model: it tells what may have been meant. */
export function explainMissingSource(source: string, path: string): QuernError {
  return missing(`${quote(source)}: ${hintFor(source, path)}`, source)
}

function hintFor(source: string, path: string): string {
  if (/^file:/i.test(source)) return `no such file or folder at ${quote(path)}`
  if (/^~(\/|$)/.test(source))
    return `no such file or folder; only a shell knows what ~ is, and only without quotes: pass ${quote(join(homedir(), source.slice(1)))}`
  const [, address] = /^(?:hf:(?:\/\/)?|(?:www\.)?huggingface\.co\/|hf\.co\/)(.*)$/i.exec(source) ?? []
  if (address !== undefined) return `a model of the hub is named org/name: pass ${quote(idIn(address))}`
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source))
    return `models are not loaded from addresses: download it and pass its folder, or pass the id of a model of the Hugging Face hub, ${example} (HF_ENDPOINT names another hub)`
  if (/^(?:[\w.-]+\/)*[\w.-]+:[\w.-]+$/.test(source))
    return `no such file or folder. A tag after a colon is how Ollama names models; it keeps them in a store of its own, as GGUF, which is not supported yet. Here a model of the Hugging Face hub is named org/name, ${example}, and a revision is an option`
  if (isRepoId(idIn(source)) && source.includes('@'))
    return `no such file or folder; if a revision of a model of the hub is meant, pass ${quote(idIn(source))} and the option revision`
  if (isAbsolute(source)) return 'no such file or folder'
  const where = `no such file or folder in ${process.cwd()}, from where relative paths count`
  return /^[\w.-]+$/.test(source) && !source.startsWith('.')
    ? `${where}; a model of the Hugging Face hub is named with its organisation, org/name, ${example}`
    : where
}

/** `org/name` at the beginning of a text. */
function idIn(text: string): string {
  return text.split(/[/:@]/).slice(0, 2).join('/')
}

/** The same failure of the hub where a folder may have been meant: the names of both look alike. */
export function explainHubFailure(error: unknown, id: string): unknown {
  const isAbsence =
    error instanceof QuernError && /^hub_(not_found|unauthorized|unavailable|offline)$/.test(error.code)
  if (!isAbsence) return error
  const { code, message, value } = error
  return new QuernError(code, `${message}. If a folder is meant: there is no ${resolve(id)}`, {
    value,
    cause: error,
  })
}

/** The error for a package without its model. */
export function explainMissingBundled(path: string): QuernError {
  const reason = wasMoved()
    ? `, since quern runs from a bundle and not from its package, in ${packageFolder}`
    : ''
  return missing(
    `the model that comes with quern is not at ${path}${reason}. ` +
      (wasMoved()
        ? 'Keep quern out of the bundle (external); docs/bundlers.md shows how for each bundler'
        : 'Reinstall quern, or name a model'),
    path,
  )
}

function missing(message: string, value: string): QuernError {
  return new QuernError('missing_file', message, { value })
}
