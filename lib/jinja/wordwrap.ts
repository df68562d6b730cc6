import { intOf, type Run, textOf } from './signature.js'
import { characters, countCharacters, splitLines } from './text.js'
import { joined } from './text-methods.js'
import { Fault, isTrue, type Value } from './values.js'

const blanks = '\t\n\v\f\r '
const isBlank = (character: string | undefined) => character !== undefined && blanks.includes(character)
const isLetter = (character: string | undefined) => character !== undefined && /[\p{L}_]/u.test(character)
const isWordLike = (character: string | undefined) =>
  character !== undefined && /[\p{L}\p{N}_!"'&.,?]/u.test(character)
const isWord = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}_]/u.test(character)

/** Words and the blanks between them, as Python's `textwrap` cuts them: after hyphens within words too, and around dashes. */
function chunksOf(line: readonly string[], onHyphens: boolean): string[][] {
  const chunks: string[][] = []
  let start = 0
  const cut = (end: number) => {
    if (end > start) chunks.push(line.slice(start, end))
    start = end
  }
  for (let at = 0; at < line.length; ) {
    let end = at + 1
    if (isBlank(line[at])) while (isBlank(line[end])) end++
    else if (onHyphens && line[at] === '-') {
      while (line[end] === '-') end++
      const isDash = end - at >= 2 && isWordLike(line[at - 1]) && isWord(line[end])
      if (isDash) cut(at)
      else if (endsSyllable(line, end)) {
        cut(end)
        at = end
        continue
      } else {
        at = end
        if (at >= line.length || isBlank(line[at])) cut(at)
        continue
      }
    } else if (end < line.length && !isBlank(line[end])) {
      at = end
      continue
    }
    cut(end)
    at = end
  }
  cut(line.length)
  return chunks
}

/** Whether a word may be cut at `end`, after its hyphen: letters before and after. */
function endsSyllable(line: readonly string[], end: number): boolean {
  const before =
    isLetter(line[end - 2]) && (isLetter(line[end - 3]) || (line[end - 3] === '-' && isLetter(line[end - 4])))
  return (
    before &&
    isLetter(line[end]) &&
    (isLetter(line[end + 1]) || (line[end + 1] === '-' && isLetter(line[end + 2])))
  )
}

function wrap(text: string, width: number, breakWords: boolean, onHyphens: boolean): string[] {
  if (width <= 0) throw new Fault(`invalid width ${width} (must be > 0)`)
  const chunks = chunksOf(Array.from(characters(text)), onHyphens).reverse()
  const lines: string[] = []
  const isSpaces = (chunk: string[] | undefined) => chunk?.every((one) => one.trim() === '') ?? false
  while (chunks.length > 0) {
    const line: string[][] = []
    let length = 0
    if (isSpaces(chunks.at(-1)) && lines.length > 0) chunks.pop()
    for (
      let next = chunks.at(-1);
      next !== undefined && length + next.length <= width;
      next = chunks.at(-1)
    ) {
      line.push(chunks.pop() as string[])
      length += next.length
    }
    const long = chunks.at(-1)
    if (long !== undefined && long.length > width) {
      if (breakWords) {
        let end = width - length
        if (onHyphens && long.length > end) {
          const hyphen = long.lastIndexOf('-', end - 1)
          if (end > 0 && hyphen > 0 && long.slice(0, hyphen).some((one) => one !== '-')) end = hyphen + 1
        }
        line.push(long.splice(0, Math.max(end, width < 1 ? 1 : end)))
      } else if (line.length === 0) line.push(chunks.pop() as string[])
    }
    if (line.length > 0 && isSpaces(line.at(-1))) line.pop()
    if (line.length > 0) lines.push(line.flat().join(''))
  }
  return lines
}

/** Jinja's `wordwrap`. */
export function wordWrap(
  run: Run,
  s: Value,
  width: Value,
  breakWords: Value,
  wrapString: Value,
  onHyphens: Value,
): Value {
  const text = textOf(s)
  run.budget.list(text.length)
  const separator = wrapString === null ? '\n' : textOf(wrapString)
  const size = intOf(width)
  const lines = splitLines(text).map((line) =>
    joined(run, separator, wrap(line, size, isTrue(breakWords), isTrue(onHyphens))),
  )
  run.budget.list(countCharacters(text))
  return joined(run, separator, lines)
}
