import { QuernError } from '../index.js'
import { decodeBytes } from './decode-bytes.js'

/** Far above what any context holds. */
const mostBytes = 128_000_000

/** Whether standard input is a file or a pipe, not a terminal. */
export function isPiped(): boolean {
  return !process.stdin.isTTY
}

/**
 * All of standard input, as text. A warning goes to `err` where it is none.
 *
 * @throws {QuernError} `read_error`, `invalid_input` where it is longer than any prompt.
 */
export async function readInput(err: (text: string) => void): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of process.stdin) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > mostBytes) break
    }
  } catch (cause) {
    throw new QuernError('read_error', `standard input: ${(cause as Error).message}`, { cause })
  }
  if (bytes <= mostBytes) return decodeBytes('standard input', Buffer.concat(chunks), err)
  throw new QuernError('invalid_input', `standard input: more than ${mostBytes} bytes`)
}
