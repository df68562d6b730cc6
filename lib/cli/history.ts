import { appendFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

const mostLines = 1000
const mostBytes = 4_000_000
const ownerOnly = { mode: 0o600 }

/**
 * What was typed, kept from one run to the next. Each line is added when it is typed, so that several runs at a time and those that are killed
 * lose nothing. Nobody's conversation fails where the file cannot be read or written.
 */
export class History {
  readonly #path: string
  #last: string | undefined
  /** Of earlier runs, newest first. */
  readonly lines: string[]

  private constructor(path: string, lines: string[]) {
    this.#path = path
    this.lines = lines
    this.#last = lines[0]
  }

  static async open(path: string): Promise<History> {
    const lines = await readLines(path)
    const kept = lines.slice(-mostLines)
    if (lines.length > 2 * mostLines) await writeFile(path, text(kept), ownerOnly).catch(() => {})
    return new History(path, kept.reverse())
  }

  async add(line: string): Promise<void> {
    if (line.trim() === '' || line === this.#last) return
    this.#last = line
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
      const there = await stat(this.#path).catch(() => undefined)
      // A pipe would keep us waiting.
      if (there !== undefined && !there.isFile()) return
      await appendFile(this.#path, text([line]), ownerOnly)
    } catch {
      // A home folder that is read-only is no reason to speak up.
    }
  }
}

/** By XDG_STATE_HOME, or in .local/state of the home folder. */
export function historyPath(): string {
  const state = process.env.XDG_STATE_HOME
  return join(state?.startsWith('/') ? state : join(homedir(), '.local', 'state'), 'quern', 'chat-history')
}

async function readLines(path: string): Promise<string[]> {
  try {
    const status = await stat(path)
    if (!status.isFile() || status.size > mostBytes) return []
    return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
  } catch {
    return []
  }
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}
