const quote = 34
const backslash = 92
const opening = new Set([...'[{'].map((bracket) => bracket.charCodeAt(0)))
const closing = new Set([...']}'].map((bracket) => bracket.charCodeAt(0)))

/** Whether a JSON text has lists and objects within each other on more levels than that. Brackets in its strings are none. */
export function isNestedDeeper(text: string, levels: number): boolean {
  let depth = 0
  let isString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isString) {
      if (code === backslash) i++
      else if (code === quote) isString = false
    } else if (code === quote) isString = true
    else if (opening.has(code)) {
      if (++depth > levels) return true
    } else if (closing.has(code)) depth--
  }
  return false
}
