import { readText } from './read-text.js'

/** Whether standard input is a file or a pipe, not a terminal. */
export function isPiped(): boolean {
  return !process.stdin.isTTY
}

/** All of standard input, as {@link readText} reads it. */
export function readInput(err: (text: string) => void): Promise<string> {
  return readText('standard input', process.stdin, err)
}
