import DOMPurify from 'dompurify'
import { isTooEmphatic } from './emphasis.ts'
import { isTooDeep } from './nesting.ts'
import { escaped, marked } from './parser.ts'

const allowed = {
  ALLOWED_TAGS: [
    ...[
      'a',
      'blockquote',
      'br',
      'code',
      'del',
      'em',
      'h1',
      'h2',
      'h3',
      'h4',
      'h5',
      'h6',
      'hr',
      'input',
      'li',
    ],
    ...['ol', 'p', 'pre', 'span', 'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
  ],
  ALLOWED_ATTR: ['align', 'checked', 'class', 'disabled', 'href', 'start', 'title', 'type'],
  // Their values are no addresses, and need not look like ones.
  ADD_URI_SAFE_ATTR: ['align', 'checked', 'disabled', 'start', 'type'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#)/i,
}

/** A block of Markdown as HTML that is safe to show. */
export function htmlOf(block: string): string {
  if (isTooDeep(block) || isTooEmphatic(block)) return `<p class="plain">${escaped(block)}</p>`
  return DOMPurify.sanitize(marked.parse(block, { async: false }), allowed)
}

/** HTML of the highlighter's, which is made of spans alone. */
export function cleanedSpans(html: string): string {
  return DOMPurify.sanitize(html, { ALLOWED_TAGS: ['span'], ALLOWED_ATTR: ['class'] })
}
