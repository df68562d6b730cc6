const meanings: Record<string, string> = {
  ...{ n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' },
  ...{ '\\': '\\', "'": "'", '"': '"', '\n': '' },
}
const hexDigits: Record<string, number> = { x: 2, u: 4, U: 8 }

const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0')

/** A character as the escape that Python writes for it. */
export function escaped(character: string): string {
  const code = character.codePointAt(0) as number
  return code < 0x100 ? `\\x${hex(code, 2)}` : code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
}

/** What stands between the quotes of a literal means. Only ASCII can be escaped: before anything else a backslash is itself. */
export function unescaped(text: string, refuse: (at: number, message: string) => never): string {
  return text.replace(/\\([0-7]{1,3}|[xuU][0-9a-fA-F]{0,8}|.)/gsu, (written, code: string, at: number) => {
    const [letter = ''] = code
    if (meanings[letter] !== undefined) return meanings[letter]
    if (letter === 'N') refuse(at, 'names of characters (\\N{…}) are not known here')
    const length = hexDigits[letter]
    if (length !== undefined) {
      const point = Number.parseInt(code.slice(1, 1 + length), 16)
      if (code.length <= length || point > 0x10ffff)
        refuse(at, `expected ${length} hexadecimal digits of a character after \\${letter}`)
      return String.fromCodePoint(point) + code.slice(1 + length)
    }
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8))
    return code < '\x80' ? written : escaped(code)
  })
}
