// What the docs' tables say of every member of a request is what its schema says.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { endpoints } from '../../lib/server/endpoints.js'

/** The pages, and the endpoints that have a table there. */
const pages = {
  'openai-api.md': ['/v1/chat/completions', '/v1/completions'],
  'other-endpoints.md': ['/v1/messages', '/v1/responses', '/v1/embeddings', '/v1/rerank'],
}

/** What the table below an endpoint's heading says of each member. */
function documented(name: string, path: string): Record<string, string> {
  const page = readFileSync(fileURLToPath(new URL(`../../docs/${name}`, import.meta.url)), 'utf8')
  const section = page.split(/^## /m).find((text) => text.startsWith(`POST ${path}\n`)) ?? ''
  return Object.fromEntries(
    [...section.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, member, fate]) => [member, fate]),
  )
}

/** What the schema says of each. `best_of` is refused by what stands beside it. */
function schemaOf(path: string): Record<string, string> {
  const body = endpoints.find((row) => row.path === path && row.method === 'post')?.body
  if (!(body instanceof z.ZodObject)) throw new Error(`${path} has no body of members`)
  const fateOf = (description = '') => {
    if (description.startsWith('Taken and ignored')) return 'ignored'
    return description.startsWith('Not supported') ? 'refused' : 'works'
  }
  const fates = Object.entries<z.ZodType>(body.shape).map(([member, schema]) => [
    member,
    fateOf(schema.meta()?.description),
  ])
  return { ...Object.fromEntries(fates), ...('best_of' in body.shape && { best_of: 'refused' }) }
}

test.each(Object.entries(pages).flatMap(([name, paths]) => paths.map((path) => [path, name])))(
  'POST %s in %s',
  (path, name) => {
    expect(documented(name as string, path as string)).toEqual(schemaOf(path as string))
  },
)
