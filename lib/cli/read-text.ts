import { QuernError } from '../index.js'
import { decodeBytes } from './decode-bytes.js'

/** Far above what any context holds. */
const mostBytes = 128_000_000

/** What people say of what the system calls so. */
const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  EISDIR: 'is a folder: expected a file',
  EACCES: 'may not be read',
}

/**
 * All that a file or a pipe holds, as text. A warning goes to `err` where it is none.
 *
 * @param name What messages call it.
 * @throws {QuernError} `missing_file`, `read_error`, `invalid_input` where it is longer than any prompt.
 */
export async function readText(
  name: string,
  source: AsyncIterable<Uint8Array>,
  err: (text: string) => void,
): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of source) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > mostBytes) break
    }
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException
    throw new QuernError(
      code === 'ENOENT' ? 'missing_file' : 'read_error',
      `${name}: ${reasons[code] ?? message}`,
      { value: name, cause },
    )
  }
  if (bytes <= mostBytes) return decodeBytes(name, Buffer.concat(chunks), err)
  throw new QuernError('invalid_input', `${name}: more than ${mostBytes} bytes`)
}
