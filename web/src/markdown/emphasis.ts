/** Stretches of asterisks or underscores in a paragraph beyond which a text is no more than its characters. */
const most = 1000

const betweenParagraphs = /\n(?:[ \t]*\n|(?=[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]))/
const mark = /\*+|_+/g

/**
 * Whether a paragraph, or an item of a list, has so many marks of emphasis that pairing them would take seconds: the time grows with their square. A
 * model that has lost its way writes `**` without end.
 */
export function isTooEmphatic(text: string): boolean {
  return text.split(betweenParagraphs).some((paragraph) => (paragraph.match(mark)?.length ?? 0) > most)
}
