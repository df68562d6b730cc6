import type { TokenizerAndRendererExtension } from 'marked'

/** `$$…$$` and `\[…\]` on lines of their own, `$…$` and `\(…\)` within a line. `$5 and $6` is no formula. */
export const mathExtensions: TokenizerAndRendererExtension[] = [
  {
    name: 'blockMath',
    level: 'block',
    start: (text) => /\$\$|\\\[/.exec(text)?.index,
    tokenizer: (text) =>
      token('blockMath', /^ {0,3}(?:\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\])[ \t]*(?:\n|$)/.exec(text)),
    renderer: ({ tex }) => placeholder(tex as string, true),
  },
  {
    name: 'inlineMath',
    level: 'inline',
    start: (text) => /\$|\\\(|\\\[/.exec(text)?.index,
    tokenizer: (text) =>
      token(
        'inlineMath',
        /^(?:\$\$([^$]+?)\$\$|\$(?![\s$])((?:\\.|[^$\\\n])*?[^\s\\$])\$(?!\d)|\\\(([\s\S]+?)\\\)|\\\[([\s\S]+?)\\\])/.exec(
          text,
        ),
      ),
    renderer: ({ tex, raw }) => placeholder(tex as string, raw.startsWith('$$') || raw.startsWith('\\[')),
  },
]

function token(type: string, match: RegExpExecArray | null) {
  if (!match) return undefined
  const [raw, ...groups] = match
  return { type, raw, tex: groups.find((group) => group !== undefined)?.trim() ?? '' }
}

/** Where the formula goes once the text was cleaned; until then its own words. */
function placeholder(tex: string, isDisplay: boolean): string {
  const text = tex.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
  return `<span class="math${isDisplay ? ' math-display' : ''}">${text}</span>`
}
