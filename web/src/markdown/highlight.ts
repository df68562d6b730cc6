import hljs from 'highlight.js/lib/core'
import bash from 'highlight.js/lib/languages/bash'
import cpp from 'highlight.js/lib/languages/cpp'
import css from 'highlight.js/lib/languages/css'
import go from 'highlight.js/lib/languages/go'
import java from 'highlight.js/lib/languages/java'
import json from 'highlight.js/lib/languages/json'
import markdown from 'highlight.js/lib/languages/markdown'
import python from 'highlight.js/lib/languages/python'
import rust from 'highlight.js/lib/languages/rust'
import sql from 'highlight.js/lib/languages/sql'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'

const languages = { bash, cpp, css, go, java, json, markdown, python, rust, sql, typescript, xml, yaml }
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language)
hljs.registerAliases(['js', 'javascript', 'jsx', 'mjs'], { languageName: 'typescript' })
hljs.registerAliases(['c', 'h'], { languageName: 'cpp' })

/** Code beyond this is shown as it is: colours would hold up the page. */
const longest = 50_000

/** Code as HTML with its parts named; undefined for a language that is not known. */
export function highlighted(code: string, language: string): string | undefined {
  if (!hljs.getLanguage(language) || code.length > longest) return undefined
  return hljs.highlight(code, { language, ignoreIllegals: true }).value
}
