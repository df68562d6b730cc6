import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { BatchAnswer } from '../../lib/batch/index.js'

/** A folder for one test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'quern-batch-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A line that asks for a continuation. */
export function completion(custom_id: string, body: object = {}): object {
  const prompt = `Once upon a time there was ${custom_id}`
  return {
    custom_id,
    method: 'POST',
    url: '/v1/completions',
    body: { prompt, max_tokens: 8, temperature: 0, ...body },
  }
}

/** The files of a batch whose input has these lines: objects, or texts as they stand. */
export function batchFiles(lines: readonly (object | string)[]): { input: string; output: string } {
  const path = folder()
  const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
  writeFileSync(join(path, 'in.jsonl'), texts.map((text) => `${text}\n`).join(''))
  return { input: join(path, 'in.jsonl'), output: join(path, 'out.jsonl') }
}

/** The answers of a file, in its order. What a test reads of a body is JSON as it comes. */
// biome-ignore lint/suspicious/noExplicitAny: the tests say what they expect
export type Answer = BatchAnswer & { response: { body: any } | null }

export function answersOf(path: string): Answer[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  if (lines.pop() !== '') throw new Error(`${path}: the last line has no end`)
  return lines.map((line) => JSON.parse(line))
}
