import type { Context } from './signature.js'
import { countCharacters, isSpace, splitLines } from './text.js'
import { joined } from './text-methods.js'
import { Fault, type Value } from './values.js'

const blanks = '\t\n\v\f\r '
const isBlank = (character: string | undefined) => character !== undefined && blanks.includes(character)
const isLetter = (character: string | undefined) => character !== undefined && /[\p{L}_]/u.test(character)
const isWordLike = (character: string | undefined) =>
  character !== undefined && /[\p{L}\p{N}_!"'&.,?]/u.test(character)
const isWord = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}_]/u.test(character)

/** A piece of a line: where it begins and ends. */
interface Chunk {
  start: number
  end: number
}

/** Words and the blanks between them, as Python's `textwrap` cuts them: after hyphens within words too, and around dashes. */
function chunksOf(line: readonly string[], onHyphens: boolean): Chunk[] {
  const chunks: Chunk[] = []
  let start = 0
  const cut = (end: number) => {
    if (end > start) chunks.push({ start, end })
    start = end
  }
  for (let at = 0, end = 0; at < line.length; at = end) {
    end = at + 1
    if (isBlank(line[at])) {
      cut(at)
      while (isBlank(line[end])) end++
      cut(end)
    } else if (onHyphens && line[at] === '-') {
      while (line[end] === '-') end++
      const isDash = end - at >= 2 && isWordLike(line[at - 1]) && isWord(line[end])
      if (isDash) cut(at)
      if (isDash || endsSyllable(line, end)) cut(end)
    }
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
  const line = Array.from(text)
  const isSpaces = (chunk: Chunk) => isSpace(line[chunk.start])
  const chunks = chunksOf(line, onHyphens).reverse()
  const lines: string[] = []
  for (let next = chunks.pop(); next !== undefined; next = chunks.pop()) {
    if (isSpaces(next) && lines.length > 0) next = chunks.pop()
    if (next === undefined) break
    const { start } = next
    let end = start
    let last = start
    while (next !== undefined && next.end - start <= width) {
      last = isSpaces(next) ? last : next.end
      end = next.end
      next = chunks.pop()
    }
    if (next !== undefined && next.end - next.start > width && (breakWords || end === start)) {
      const cutAt = breakWords ? breakOf(line, next, start + width, onHyphens) : next.end
      // Python takes a piece of the word even where none fits, and only that empty one is then dropped from the end.
      if (cutAt === next.start) last = end
      else if (!isSpaces(next)) last = cutAt
      end = cutAt
      next = cutAt < next.end ? { start: cutAt, end: next.end } : undefined
    }
    if (next !== undefined) chunks.push(next)
    if (last > start) lines.push(line.slice(start, last).join(''))
  }
  return lines
}

/** Where a word that is too long is broken: after its last hyphen that fits, or at the margin. */
function breakOf(line: readonly string[], { start }: Chunk, margin: number, onHyphens: boolean): number {
  if (!onHyphens || margin <= start) return margin
  let hyphen = margin - 1
  while (hyphen > start && line[hyphen] !== '-') hyphen--
  let other = hyphen - 1
  while (other > start && line[other] === '-') other--
  return hyphen > start && line[other] !== '-' ? hyphen + 1 : margin
}

/** Jinja's `wordwrap`. */
export function wordWrap(
  run: Context,
  text: string,
  width: number,
  breakWords: boolean,
  wrapString: string | null,
  onHyphens: boolean,
): Value {
  run.budget.list(text.length)
  const separator = wrapString ?? '\n'
  const lines = splitLines(text).map((line) =>
    joined(run, separator, wrap(line, width, breakWords, onHyphens)),
  )
  run.budget.list(countCharacters(text))
  return joined(run, separator, lines)
}
