// docs/openai-api.md says of every member of a request what the schemas say.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { chatBody } from '../../lib/server/openai/chat-body.js'
import { completionsBody } from '../../lib/server/openai/completions-body.js'

const page = readFileSync(fileURLToPath(new URL('../../docs/openai-api.md', import.meta.url)), 'utf8')

/** What the table below a heading says of each member. */
function documented(heading: string): Record<string, string> {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  return Object.fromEntries(
    [...section.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, member, fate]) => [member, fate]),
  )
}

/** What the schema says of each. `best_of` is refused by what stands beside it. */
function schemas(body: z.ZodObject): Record<string, string> {
  const fateOf = (description = '') => {
    if (description.startsWith('Taken and ignored')) return 'ignored'
    return description.startsWith('Not supported') ? 'refused' : 'works'
  }
  const fates = Object.entries(body.shape).map(([member, schema]) => [
    member,
    fateOf(schema.meta()?.description),
  ])
  return { ...Object.fromEntries(fates), ...('best_of' in body.shape && { best_of: 'refused' }) }
}

test.each([
  ['POST /v1/chat/completions', chatBody],
  ['POST /v1/completions', completionsBody],
] as const)('%s', (heading, body) => {
  expect(documented(heading)).toEqual(schemas(body))
})
