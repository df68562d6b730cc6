/** Whether standard input is a file or a pipe, not a terminal. */
export function isPiped(): boolean {
  return !process.stdin.isTTY
}

/** All of standard input. */
export async function readInput(): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin) text += chunk
  return text
}
