import { hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { QuernError } from '../index.js'
import { type BatchRequest, LineFault, parseRequest } from './batch-request.js'
import { fileLines } from './file-lines.js'
import { Growing32, Growing64 } from './growing.js'

const hashWords = 3 // 96 bits: no two of billions of names are alike
const tooLong = 0xffff_ffff

/**
 * Where the lines of a batch's input are, which of them have their answer, and which one a name belongs to: about 40 bytes a line, whatever
 * is in it. Lines are counted from 1 on; empty ones are passed over.
 */
export class InputIndex {
  readonly #file: FileHandle
  readonly #path: string
  readonly #starts = new Growing64()
  readonly #lengths = new Growing32()
  readonly #hashes = new Growing32()
  readonly #done = new Growing32()
  /** Of a hash table: the number of the line whose name belongs there; 0: none. */
  #slots = new Uint32Array(1024)
  #named = 0
  #requests = 0
  #answered = 0

  constructor(file: FileHandle, path: string) {
    this.#file = file
    this.#path = path
  }

  /** How many lines want an answer. */
  get requests(): number {
    return this.#requests
  }

  /** How many of them have it. */
  get done(): number {
    return this.#answered
  }

  /** The number of the last line. */
  get lines(): number {
    return this.#starts.length
  }

  /**
   * Reads the whole file; `onRequest` is shown each request that it holds.
   *
   * @throws {QuernError} `invalid_input` where two lines have the same name; `read_error`.
   */
  async read(
    onRequest: (request: BatchRequest, number: number) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    for await (const { number, start, bytes } of fileLines(this.#file)) {
      signal?.throwIfAborted()
      const isEmpty = bytes?.every(isBlank) ?? false
      this.#starts.push(start)
      this.#lengths.push(bytes === undefined ? tooLong : isEmpty ? 0 : bytes.length)
      for (let i = 0; i < hashWords; i++) this.#hashes.push(0)
      this.#done.push(isEmpty ? 1 : 0)
      if (isEmpty) continue
      this.#requests++
      try {
        const request = parseRequest(bytes)
        this.#name(request.customId, number)
        onRequest(request, number)
      } catch (error) {
        if (!(error instanceof LineFault)) throw error
        if (error.customId !== null) this.#name(error.customId, number)
      }
    }
  }

  /** The line that a name belongs to. */
  find(customId: string): number | undefined {
    return this.#slots[this.#slotOf(hashOf(customId))] || undefined
  }

  isDone(number: number): boolean {
    return this.#done.at(number - 1) !== 0
  }

  /** Whether it was not yet. */
  markDone(number: number): boolean {
    if (this.isDone(number)) return false
    this.#done.set(number - 1, 1)
    this.#answered++
    return true
  }

  /**
   * What a line asks for.
   *
   * @throws {LineFault}
   */
  async request(number: number): Promise<BatchRequest> {
    const length = this.#lengths.at(number - 1)
    if (length === tooLong) return parseRequest(undefined)
    const bytes = Buffer.allocUnsafe(length)
    const { bytesRead } = await this.#file.read(bytes, 0, length, this.#starts.at(number - 1))
    if (bytesRead === length) return parseRequest(bytes)
    throw new QuernError('read_error', `${this.#path} got shorter while it was read: run the batch again`, {
      value: this.#path,
    })
  }

  #name(customId: string, number: number): void {
    const words = hashOf(customId)
    const slot = this.#slotOf(words)
    const other = this.#slots[slot] as number
    if (other !== 0) {
      const where = `${this.#path}: lines ${other} and ${number}`
      throw new QuernError(
        'invalid_input',
        `${where} have the same custom_id, ${JSON.stringify(customId)}: their answers could not be told apart; give each line its own`,
        { value: customId },
      )
    }
    for (const [i, word] of words.entries()) this.#hashes.set(hashWords * (number - 1) + i, word)
    this.#slots[slot] = number
    this.#named++
    if (2 * this.#named > this.#slots.length) this.#grow()
  }

  #slotOf(words: Uint32Array): number {
    const mask = this.#slots.length - 1
    for (let slot = (words[0] as number) & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot] as number
      if (number === 0) return slot
      if (words.every((word, i) => word === this.#hashes.at(hashWords * (number - 1) + i))) return slot
    }
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Uint32Array(2 * before.length)
    for (const number of before) {
      if (number === 0) continue
      const words = this.#hashes.slice(hashWords * (number - 1), hashWords * number)
      this.#slots[this.#slotOf(words)] = number
    }
  }
}

function hashOf(customId: string): Uint32Array {
  const digest = hash('sha256', customId, 'buffer')
  return Uint32Array.from({ length: hashWords }, (_, i) => digest.readUInt32LE(4 * i))
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d
}
