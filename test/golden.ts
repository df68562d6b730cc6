// Where the golden fixtures are. They lie beside the checkout, in ../shared/golden, and are not part of the package: without them
// the tests run on the small copies in test/fixtures. CI requires them.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { requirePresent } from './require-present.js'

const root = fileURLToPath(new URL('../../shared/golden', import.meta.url))

/** Whether the golden fixtures are there. */
export const goldensPresent = existsSync(root)

/** The path of a golden fixture: goldenPath('tokenizer', 'qwen3', 'cases.jsonl.gz'). */
export function goldenPath(...parts: string[]): string {
  return join(root, ...parts)
}

/** The path of a small copy, which every checkout has. */
export function fixturePath(...parts: string[]): string {
  return join(fileURLToPath(new URL('fixtures', import.meta.url)), ...parts)
}

/** Registers a test that says whether the goldens are there: their absence is a failure in CI and a visible skip elsewhere. */
export function requireGoldens(): void {
  const missing = `${root} is absent, only the small copies in test/fixtures are tested`
  requirePresent('golden fixtures', goldensPresent ? undefined : missing)
}

/** The text of a file, unpacked where its name ends in .gz. */
export function readText(path: string): string {
  const bytes = readFileSync(path)
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
}

export function readJson<T = unknown>(path: string): T {
  return JSON.parse(readText(path)) as T
}

/** The records of a .jsonl or .jsonl.gz file. */
export function readJsonLines<T = unknown>(path: string): T[] {
  const records: T[] = []
  for (const line of readText(path).split('\n')) if (line !== '') records.push(JSON.parse(line) as T)
  return records
}
