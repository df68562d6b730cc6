/**
 * Whether a text holds another, in time proportional to both: includes() may take their product. Knuth, Morris and Pratt's search (1977).
 */
export function contains(text: string, pattern: string): boolean {
  const border = new Int32Array(pattern.length + 1) // border[n]: the longest proper prefix of the first n units that also ends them
  const advance = (matched: number, unit: number): number => {
    let length = matched
    while (length > 0 && pattern.charCodeAt(length) !== unit) length = border[length] as number
    return pattern.charCodeAt(length) === unit ? length + 1 : 0
  }
  for (let n = 2; n <= pattern.length; n++)
    border[n] = advance(border[n - 1] as number, pattern.charCodeAt(n - 1))
  let matched = 0
  for (let i = 0; i < text.length && matched < pattern.length; i++)
    matched = advance(matched, text.charCodeAt(i))
  return matched === pattern.length
}
