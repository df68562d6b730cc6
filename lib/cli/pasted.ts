// What is pasted stands in one line at the prompt, where it can be edited: signs that show stand for what would end or complete the line.
const lineBreak = '⏎'
const tab = '⇥'

/** A pasted text as one line. A break at its end does not count; other control characters have no place in a message. */
export function toLine(pasted: string): string {
  return pasted
    .replace(/[\r\n]+$/, '')
    .replace(/\r\n|\r|\n/g, lineBreak)
    .replaceAll('\t', tab)
    .replace(/[\p{Cc}\u2028\u2029]/gu, '')
}

/** The text that the line stands for. */
export function fromLine(line: string): string {
  return line.replaceAll(lineBreak, '\n').replaceAll(tab, '\t')
}
