import { warningLine } from './load-model.js'

/**
 * The text of UTF-8 bytes that a command was given, without the mark that some editors begin a file with. What is no UTF-8 becomes U+FFFD,
 * and a warning says so: such text may be what is wanted, a part of a diff for instance, but more often it is in another encoding.
 */
export function decodeBytes(name: string, bytes: Uint8Array, err: (text: string) => void): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const text = new TextDecoder().decode(bytes)
    err(warningLine(`${name} is not UTF-8: what is none was read as U+FFFD; \`iconv -t utf-8\` converts it`))
    return text
  }
}
