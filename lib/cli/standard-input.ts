import { QuernError } from '../index.js'

/** Far above what any context holds. */
const mostCharacters = 64_000_000

/** Whether standard input is a file or a pipe, not a terminal. */
export function isPiped(): boolean {
  return !process.stdin.isTTY
}

/**
 * All of standard input.
 *
 * @throws {QuernError} `read_error`, `invalid_input` where it is longer than any prompt.
 */
export async function readInput(): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  try {
    for await (const chunk of process.stdin) {
      text += chunk
      if (text.length > mostCharacters) break
    }
  } catch (cause) {
    throw new QuernError('read_error', `standard input: ${(cause as Error).message}`, { cause })
  }
  if (text.length <= mostCharacters) return text
  throw new QuernError('invalid_input', `standard input: more than ${mostCharacters} characters`)
}
