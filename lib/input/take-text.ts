import { QuernError } from '../errors.js'
import { show } from './show.js'

/** UTF-16 units. The ids of a longer text might be more than one array can hold. */
const mostCharacters = 2 ** 27

/**
 * A text that is to be encoded.
 *
 * @throws {QuernError} `invalid_input`.
 */
export function takeText(call: string, text: unknown): string {
  if (typeof text === 'string' && text.length <= mostCharacters) return text
  const got = typeof text === 'string' ? `one of ${text.length} characters` : show(text)
  throw new QuernError(
    'invalid_input',
    `${call}: expected a string of at most ${mostCharacters} characters, got ${got}`,
    { value: text },
  )
}

/**
 * The path of a file or a folder.
 *
 * @throws {QuernError} `invalid_input`.
 */
export function takePath(call: string, path: unknown): string {
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return path
  throw new QuernError('invalid_input', `${call}: expected a path, got ${show(path)}`, { value: path })
}
