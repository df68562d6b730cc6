import { cleanedSpans } from './html.ts'

/** What a code block's button says. */
export interface CodeWords {
  copy: string
  copied: string
}

/** Gives code a head with its language and a button that copies it, links a tab of their own, wide tables a place to scroll. */
export function decorate(root: HTMLElement, words: CodeWords): void {
  for (const code of root.querySelectorAll<HTMLElement>('pre > code')) addHead(code, words)
  for (const link of root.querySelectorAll('a')) {
    link.target = '_blank'
    link.rel = 'noopener noreferrer'
  }
  for (const table of root.querySelectorAll('table')) {
    const box = element('div', 'table-box')
    box.tabIndex = 0
    box.setAttribute('role', 'group')
    table.replaceWith(box)
    box.append(table)
  }
}

function addHead(code: HTMLElement, { copy, copied }: CodeWords): void {
  const pre = code.parentElement as HTMLElement
  pre.tabIndex = 0 // wide code scrolls by keys
  const box = element('div', 'code-box')
  const head = element('div', 'code-head')
  const button = element('button', 'quiet', copy)
  button.type = 'button'
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(code.textContent ?? '')
    button.textContent = copied
    setTimeout(() => {
      button.textContent = copy
    }, 2000)
  })
  head.append(element('span', 'code-language', languageOf(code) ?? ''), button)
  pre.replaceWith(box)
  box.append(head, pre)
}

/** Colours code and sets formulas, once a block will not change any more. What is needed for that is fetched when it first is. */
export async function finish(root: HTMLElement): Promise<void> {
  await Promise.all([colourCode(root), setFormulas(root)])
}

async function colourCode(root: HTMLElement): Promise<void> {
  const codes = [...root.querySelectorAll<HTMLElement>('pre > code')].filter(languageOf)
  if (codes.length === 0) return
  const { highlighted } = await import('./highlight.ts')
  for (const code of codes) {
    const html = highlighted(code.textContent ?? '', languageOf(code) ?? '')
    if (html !== undefined) code.innerHTML = cleanedSpans(html)
  }
}

/** Characters of a formula beyond which it stays as it was written: setting it would take seconds. */
const longestFormula = 2000

/** The library makes elements, not text, and sets styles through their objects, which the content policy lets pass. */
async function setFormulas(root: HTMLElement): Promise<void> {
  const places = [...root.querySelectorAll<HTMLElement>('.math')]
  if (places.length === 0) return
  const { default: temml } = await import('temml')
  for (const place of places) {
    const displayMode = place.classList.contains('math-display')
    const tex = place.textContent ?? ''
    if (displayMode) place.tabIndex = 0 // wide ones scroll by keys
    try {
      if (tex.length > longestFormula) throw new RangeError('too long')
      temml.render(tex, place, { displayMode, throwOnError: true, maxSize: [20, 100], maxExpand: 500 })
    } catch {
      place.textContent = displayMode ? `$$${tex}$$` : `$${tex}$` // as it was written
    }
  }
}

function languageOf(code: Element): string | undefined {
  return /(?:^|\s)language-(\S+)/.exec(code.className)?.[1]?.toLowerCase()
}

function element<Name extends keyof HTMLElementTagNameMap>(name: Name, className: string, text = '') {
  const made = document.createElement(name)
  made.className = className
  made.textContent = text
  return made
}
