// docs/other-endpoints.md says of every member of a request what the schemas say.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { endpoints } from '../../lib/server/endpoints.js'

const page = readFileSync(fileURLToPath(new URL('../../docs/other-endpoints.md', import.meta.url)), 'utf8')

/** What the table below a heading says of each member. */
function documented(heading: string): Record<string, string> {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  return Object.fromEntries(
    [...section.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, member, fate]) => [member, fate]),
  )
}

/** What an endpoint's schema says of each. */
function schemaOf(path: string): Record<string, string> {
  const body = endpoints.find((row) => row.path === path && row.method === 'post')?.body
  if (!(body instanceof z.ZodObject)) throw new Error(`${path} has no body of members`)
  const fateOf = (description = '') => {
    if (description.startsWith('Taken and ignored')) return 'ignored'
    return description.startsWith('Not supported') ? 'refused' : 'works'
  }
  return Object.fromEntries(
    Object.entries<z.ZodType>(body.shape).map(([member, schema]) => [
      member,
      fateOf(schema.meta()?.description),
    ]),
  )
}

test.each(['/v1/messages', '/v1/responses', '/v1/embeddings', '/v1/rerank'])('POST %s', (path) => {
  expect(documented(`POST ${path}\n`)).toEqual(schemaOf(path))
})
