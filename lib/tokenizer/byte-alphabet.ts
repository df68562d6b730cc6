// Byte-level vocabularies write each byte as one printable character: 33-126, 161-172 and 174-255 as themselves, the other 68 in
// order from U+0100. So a space is "Ġ" (U+0120) and a newline "Ċ".

const BYTES_WITH_A_STAND_IN = 68

/** The byte of each character code of the alphabet; -1 for characters outside it. */
const BYTE_OF_CODE = (() => {
  const table = new Int16Array(0x100 + BYTES_WITH_A_STAND_IN).fill(-1)
  let standIn = 0x100
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    table[printable ? byte : standIn++] = byte
  }
  return table
})()

/** The alphabet's characters, by byte. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  const characters: string[] = []
  for (const [code, byte] of BYTE_OF_CODE.entries())
    if (byte >= 0) characters[byte] = String.fromCharCode(code)
  return characters
})()

/** Writes the bytes that a token's text stands for at `offset` and returns their number, or -1 if a character is outside the alphabet. */
export function writeAlphabetBytes(text: string, out: Uint8Array, offset: number): number {
  for (let i = 0; i < text.length; i++) {
    const byte = BYTE_OF_CODE[text.charCodeAt(i)] ?? -1
    if (byte < 0) return -1
    out[offset + i] = byte
  }
  return text.length
}
