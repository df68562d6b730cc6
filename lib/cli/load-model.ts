import { type LoadOptions, type LoadProgress, load, type Model } from '../index.js'
import { formatBytes } from './bytes.js'
import { loadOptions, type ModelFlags } from './model-flags.js'

/** What is said where no model was named. */
export const demoNote =
  'The bundled demo model: 5 million parameters, for short stories and small talk. A real one: --model Qwen/Qwen3-0.6B (1.5 GB to download).'

/** The same where embeddings are asked for. */
export const demoEmbedNote =
  'The bundled demo model was never trained to embed, so its vectors say little. A real one: --model Qwen/Qwen3-Embedding-0.6B (1.2 GB to download).'

/** load() for a command: progress and warnings go to standard error. */
export async function loadModel(
  flags: ModelFlags,
  write: (text: string) => void,
  more: LoadOptions = {},
): Promise<Model> {
  const line = new ProgressLine(write)
  try {
    return await load(flags.model, {
      ...loadOptions(flags),
      ...more,
      onProgress: (progress) => line.show(progress),
      onWarning: (message) => line.print(warningLine(message)),
    })
  } finally {
    line.erase()
  }
}

/** How every command says what is odd but no error. */
export function warningLine(message: string): string {
  return `warning: ${message}\n`
}

const eraseLine = '\r\x1b[K'

/** How far something is: one line that is written over, on a terminal only and only if it takes a while. */
export class ProgressLine {
  readonly #write: (text: string) => void
  readonly #began = performance.now()
  #line = ''

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  /** Of load(). */
  show({ phase, loadedBytes, totalBytes }: LoadProgress): void {
    const percent = Math.floor((100 * loadedBytes) / totalBytes)
    this.tell(
      `${phase === 'download' ? 'downloading' : 'loading'} ${percent} % of ${formatBytes(totalBytes)}`,
    )
  }

  tell(line: string): void {
    if (!process.stderr.isTTY || performance.now() - this.#began < 500) return
    if (line !== this.#line) this.#write(`${eraseLine}${line}`)
    this.#line = line
  }

  /** A line that stays, above the one that is written over. */
  print(text: string): void {
    this.#write(this.#line === '' ? text : `${eraseLine}${text}${this.#line}`)
  }

  erase(): void {
    if (this.#line !== '') this.#write(eraseLine)
    this.#line = ''
  }
}
