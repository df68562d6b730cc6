/** Levels of lists and quotations beyond which a text is no more than its characters. */
const most = 50
/** Columns that such a level takes at least. */
const step = 2

const marker = '(?:>|(?:[-*+]|\\d{1,9}[.)])(?=[ \\t]))'
const deepMarkers = new RegExp(`^(?:[ \\t]*${marker}){${most}}`, 'm')
const deepItem = new RegExp(`^[ \\t]{${most * step},}${marker}`, 'm')

/**
 * Whether lists or quotations lie within each other so deep that reading them would take seconds, or more of the stack than there is. A model that
 * has lost its way writes `> > > >` without end.
 */
export function isTooDeep(text: string): boolean {
  return deepMarkers.test(text) || deepItem.test(text)
}
