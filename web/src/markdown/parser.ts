import { Marked } from 'marked'
import { mathExtensions } from './math-extensions.ts'

/** The reader of Markdown, with mathematics; links have their words, and no text is taken for HTML. */
export const marked = new Marked({
  gfm: true,
  extensions: mathExtensions,
  renderer: {
    // What a model writes as HTML is shown as it is written.
    html: ({ text }) => escaped(text),
    // A picture would be fetched from elsewhere, which the page never does.
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
  },
})

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
