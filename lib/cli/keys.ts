import { type Readable, Transform, type TransformCallback } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { setImmediate as turn } from 'node:timers/promises'

const pasteBegins = '\x1b[200~'
const pasteEnds = '\x1b[201~'
const interrupt = '\x03' // Ctrl-C
const suspend = '\x1a' // Ctrl-Z

type Item = { keys: string } | { pasted: string }

/**
 * What a terminal sends, before readline reads it. A pasted text is told as a whole, where the terminal marks pastes ("bracketed paste"): to
 * readline each of its lines would be an answer. While keys are held they wait, unseen, and Ctrl-C drops them.
 */
export class Keys extends Transform {
  readonly #source: Readable & { setRawMode?: (isRaw: boolean) => unknown }
  readonly #onPaste: (text: string) => void
  readonly #decoder = new StringDecoder('utf8')
  readonly #waiting: Item[] = []
  #pasted: string | undefined
  /** What may be the beginning of a mark. */
  #rest = ''
  #isHeld = false
  #isFlowing = false

  constructor(source: Readable, onPaste: (text: string) => void) {
    super({ encoding: 'utf8', decodeStrings: false })
    this.#source = source
    this.#onPaste = onPaste
    source.pipe(this)
  }

  /** For readline, which takes this for the terminal. */
  setRawMode(isRaw: boolean): this {
    this.#source.setRawMode?.(isRaw)
    return this
  }

  /** Keys wait from now on. */
  hold(): void {
    this.#isHeld = true
  }

  /** What waited comes now. */
  release(): void {
    this.#isHeld = false
    void this.#flow()
  }

  /** Lets go of the terminal. */
  detach(): void {
    this.#source.unpipe(this)
    this.#source.pause()
  }

  override _transform(chunk: string | Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#take(typeof chunk === 'string' ? chunk : this.#decoder.write(chunk))
    done()
  }

  override _flush(done: TransformCallback): void {
    this.#queue({ keys: this.#rest })
    this.#isHeld = false
    void this.#flow().then(() => done())
  }

  #take(chunk: string): void {
    if (chunk === interrupt) this.#dropPaste()
    let text = this.#rest + chunk
    this.#rest = ''
    while (text !== '') {
      const mark = this.#pasted === undefined ? pasteBegins : pasteEnds
      const at = text.indexOf(mark)
      const kept = at < 0 ? beginningAtEnd(text, mark) : 0
      const before = at < 0 ? text.slice(0, text.length - kept) : text.slice(0, at)
      if (this.#pasted === undefined) this.#typed(before)
      else this.#pasted += before
      if (at < 0) {
        this.#rest = text.slice(text.length - kept)
        return
      }
      if (this.#pasted === undefined) {
        this.#pasted = ''
      } else {
        this.#queue({ pasted: this.#pasted })
        this.#pasted = undefined
      }
      text = text.slice(at + mark.length)
    }
  }

  /** Where the mark of its end got lost, what is typed would be pasted for ever. A key comes alone. */
  #dropPaste(): void {
    this.#pasted = undefined
    this.#rest = ''
  }

  #typed(keys: string): void {
    const urgent = Math.max(keys.lastIndexOf(interrupt), keys.lastIndexOf(suspend)) // never held back
    if (this.#isHeld && urgent >= 0) {
      if (keys.includes(interrupt)) this.#waiting.length = 0
      this.push(keys[urgent])
    }
    this.#queue({ keys: this.#isHeld ? keys.slice(urgent + 1) : keys })
  }

  #queue(item: Item): void {
    if ('pasted' in item || item.keys !== '') this.#waiting.push(item)
    void this.#flow()
  }

  /** In order: what was pushed has to be read before a pasted text is inserted after it. */
  async #flow(): Promise<void> {
    if (this.#isFlowing) return
    this.#isFlowing = true
    for (let item = this.#next(); item !== undefined; item = this.#next()) {
      if ('keys' in item) {
        this.push(item.keys)
      } else {
        await turn()
        this.#onPaste(item.pasted)
      }
    }
    this.#isFlowing = false
  }

  #next(): Item | undefined {
    return this.#isHeld ? undefined : this.#waiting.shift()
  }
}

/** How many of the last characters may begin the mark. A lone escape is a key. */
function beginningAtEnd(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 1; length--)
    if (text.endsWith(mark.slice(0, length))) return length
  return 0
}
