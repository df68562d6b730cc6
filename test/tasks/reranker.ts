// A model that can rank: the bundled one has no "yes" and no "no".
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'

/** Makes of a folder the bundled model with two of its tokens renamed. */
export function makeReranker(path: string): string {
  cpSync(bundledModelPath(), path, { recursive: true })
  const file = `${path}/tokenizer.json`
  const tokenizer = JSON.parse(readFileSync(file, 'utf8'))
  const free = tokenizer.added_tokens.filter(({ content }: { content: string }) =>
    ['<tool_response>', '</tool_response>'].includes(content),
  )
  expect(free.length).toBe(2)
  for (const [i, content] of ['yes', 'no'].entries()) Object.assign(free[i], { content, special: false })
  writeFileSync(file, JSON.stringify(tokenizer))
  writeFileSync(`${path}/tokenizer_config.json`, '{}')
  return path
}
