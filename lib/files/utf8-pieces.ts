/** Bytes of UTF-8 that come in pieces, to text. Faster than a `TextDecoder` that streams: each piece is decoded as a whole. */
export class Utf8Pieces {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  /** The beginning of a character whose end has not come. */
  #rest = new Uint8Array()

  get isBetweenCharacters(): boolean {
    return this.#rest.length === 0
  }

  /** The text of all characters that are complete. Throws where the bytes are no UTF-8. */
  push(piece: Uint8Array): string {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    const end = bytes.length - incompleteBytes(bytes)
    this.#rest = bytes.slice(end)
    return this.#decoder.decode(bytes.subarray(0, end))
  }
}

/** How many bytes at the end begin a character that is longer. */
function incompleteBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue // in the middle of a character
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? back : 0
  }
  return 0
}
