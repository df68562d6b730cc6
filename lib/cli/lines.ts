import type { Interface } from 'node:readline'

/** The lines of a terminal one at a time; what is typed ahead waits. */
export class Lines {
  readonly #waiting: string[] = []
  #take: ((line: string | undefined) => void) | undefined
  #isClosed = false

  constructor(readline: Interface) {
    readline.on('line', (line) => {
      if (this.#take === undefined) this.#waiting.push(line)
      else this.#give(line)
    })
    readline.on('close', () => {
      this.#isClosed = true
      this.#give(undefined)
    })
  }

  /** The next line; undefined at the end. */
  next(): Promise<string | undefined> {
    const line = this.#waiting.shift()
    if (line !== undefined || this.#isClosed) return Promise.resolve(line)
    return new Promise((resolve) => {
      this.#take = resolve
    })
  }

  #give(line: string | undefined): void {
    const take = this.#take
    this.#take = undefined
    take?.(line)
  }
}

const block = '"""'

/**
 * The next message: a line; several where all but the last end with a backslash; or everything between `"""` and `"""`.
 *
 * @param ask Shows a prompt for a first or a further line and gives what was typed; undefined at the end.
 */
export async function readMessage(
  ask: (isFirst: boolean) => Promise<string | undefined>,
): Promise<string | undefined> {
  const first = await ask(true)
  if (first === undefined) return undefined
  if (first.trimStart().startsWith(block)) return readBlock(first.trimStart().slice(block.length), ask)
  let text = first
  while (text.endsWith('\\')) {
    const next = await ask(false)
    if (next === undefined) return text.slice(0, -1)
    text = `${text.slice(0, -1)}\n${next}`
  }
  return text
}

async function readBlock(
  begun: string,
  ask: (isFirst: boolean) => Promise<string | undefined>,
): Promise<string> {
  const lines: string[] = []
  for (let line: string | undefined = begun; line !== undefined; line = await ask(false)) {
    const end = line.indexOf(block)
    if (end < 0) {
      lines.push(line)
      continue
    }
    lines.push(line.slice(0, end))
    return lines.join('\n').replace(/^\n|\n$/g, '')
  }
  return lines.join('\n')
}
