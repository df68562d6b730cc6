import { isTooEmphatic } from './emphasis.ts'
import { isTooDeep } from './nesting.ts'
import { marked } from './parser.ts'

/**
 * A text as the blocks that it is made of, kept while it grows: only its end is read again, since what comes may still change the last two of
 * its blocks (a list goes on after an empty line, a line of dashes makes a heading of the one before), but no earlier one.
 */
export class Blocks {
  #settled: string[] = []
  #settledLength = 0
  #text = ''

  /** The blocks of the text, each as it is written. */
  of(text: string): readonly string[] {
    if (!text.startsWith(this.#text.slice(0, this.#settledLength))) this.#forget()
    this.#text = text
    const open = blocksOf(text.slice(this.#settledLength))
    for (const block of open.splice(0, Math.max(0, open.length - 2))) {
      this.#settled = [...this.#settled, block]
      this.#settledLength += block.length
    }
    return [...this.#settled, ...open]
  }

  #forget(): void {
    this.#settled = []
    this.#settledLength = 0
  }
}

/** Empty lines belong to the block before them, so that the blocks together are the text. */
function blocksOf(text: string): string[] {
  if (isTooDeep(text) || isTooEmphatic(text)) return [text]
  const blocks: string[] = []
  for (const { type, raw } of marked.lexer(text)) {
    if (type === 'space' && blocks.length > 0) blocks[blocks.length - 1] += raw
    else blocks.push(raw)
  }
  // The lexer writes tabs and line ends its own way; then the text is read as one.
  return blocks.join('') === text ? blocks : [text]
}
