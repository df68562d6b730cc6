import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** The links of the package's pages that lead to nothing in it; `files` are paths from the folder. */
export function packageLinks(folder, files) {
  const problems = []
  for (const page of files.filter((path) => path.endsWith('.md'))) {
    for (const [, link] of readFileSync(join(folder, page), 'utf8').matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      const target = normalize(join(dirname(page), link)).replace(/\/$/, '')
      if (!files.some((path) => path === target || path.startsWith(`${target}/`)))
        problems.push(`${page} links to ${link}, which the package has not`)
    }
  }
  return problems
}
