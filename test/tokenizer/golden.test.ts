import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { TextDecoder } from 'node:util'
import { describe, expect, test } from 'vitest'
import { nativeTokenizer, type Tokenizer } from '../../lib/tokenizer/tokenizer.js'
import {
  fixturePath,
  goldenPath,
  goldensPresent,
  readJson,
  readJsonLines,
  requireGoldens,
} from '../golden.js'
import { loadGolden, readTokenizerJson } from './golden-tokenizers.js'

interface Case {
  kind: string
  text: string
  ids: number[]
  ids_with_special: number[]
  decoded: string
  decoded_skip_special?: string
}

interface Stream {
  kind: string
  ids: number[]
  skip_special: boolean
  chunks: string[]
  tail: string
  text: string
}

interface VocabCheck {
  size: number
  table_sha256: string
  encode_count: number
  encode_sha256: string
  encode_blocks: string[]
  sample: [id: number, hex: string][]
}

requireGoldens()
describe
  .runIf(goldensPresent)
  .each(['qwen3', 'llama3', 'llama3.1', 'smollm2', 'mistral-v0.1', 'phi3-v', 'phi3-mini-like'])(
  '%s',
  (name) => {
    judge((file) => goldenPath('tokenizer', name, file))
  },
)
describe.each(['tiny', 'tiny-added-tokens', 'smollm2-small'])('the small copy of %s', (name) => {
  judge((file) => fixturePath('tokenizer', name, file))
})
/** Everything that a folder of tokenizer fixtures asks for. */
function judge(path: (file: string) => string): void {
  let loaded: Tokenizer | undefined
  const tokenizer = () => {
    loaded ??= loadGolden(path)
    return loaded
  }

  test('cases', () => {
    const wrong: unknown[] = []
    const cases = readJsonLines<Case>(path('cases.jsonl.gz'))
    for (const { kind, text, ids, ids_with_special, decoded, decoded_skip_special } of cases) {
      const got = [...tokenizer().encode(text, { addSpecialTokens: false })]
      const special = [...tokenizer().encode(text)]
      const whole = tokenizer().decode(ids)
      const skipped = tokenizer().decode(ids, { skipSpecialTokens: true })
      const right =
        same(got, ids) &&
        same(special, ids_with_special) &&
        whole === decoded &&
        skipped === (decoded_skip_special ?? decoded)
      if (!right) wrong.push({ kind, text, ids, got, decoded, whole, skipped })
    }
    expect(wrong.slice(0, 3), `${wrong.length} of ${cases.length} cases differ`).toEqual([])
    expect(cases.length).toBeGreaterThan(100)
  })

  test('streams', () => {
    for (const { ids, skip_special, chunks, tail, text } of readJsonLines<Stream>(path('stream.jsonl.gz'))) {
      const decoder = tokenizer().decoder({ skipSpecialTokens: skip_special })
      expect([ids.map((id) => decoder.push(id)), decoder.end()]).toEqual([chunks, tail])
      expect(tokenizer().decode(ids, { skipSpecialTokens: skip_special })).toBe(text)
    }
  })

  test('lone surrogates', () => {
    for (const { units, ids } of readJsonLines<{ units: number[]; ids: number[] }>(path('utf16.jsonl'))) {
      const text = units.map((unit) => String.fromCharCode(unit)).join('')
      expect([...tokenizer().encode(text, { addSpecialTokens: false })], JSON.stringify(units)).toEqual(ids)
    }
  })

  if (!existsSync(path('vocab-check.json'))) return // variants and fixtures have none
  test('the whole vocabulary', () => {
    const check = readJson<VocabCheck>(path('vocab-check.json'))
    const handle = nativeTokenizer(tokenizer())
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const added = new Set(readTokenizerJson(path).added_tokens.map(({ id }) => id))
    const table = createHash('sha256')
    const encoded = createHash('sha256')
    const blocks: string[] = []
    let block = createHash('sha256')
    let count = 0
    for (let id = 0; id < tokenizer().vocabSize; id++) {
      const bytes = Buffer.from(handle.tokenBytes(id))
      table.update(`${id}\t${bytes.toString('hex')}\t${handle.isSpecial(id) ? 1 : 0}\n`)
      const text = added.has(id) ? undefined : utf8(decoder, bytes)
      if (text !== undefined) {
        const line = `${id}:${tokenizer().encode(text, { addSpecialTokens: false }).join(',')}\n`
        encoded.update(line)
        block.update(line)
        count++
      }
      if ((id + 1) % 4096 === 0 || id + 1 === tokenizer().vocabSize) {
        blocks.push(block.digest('hex').slice(0, 16))
        block = createHash('sha256')
      }
    }
    expect(tokenizer().vocabSize).toBe(check.size)
    for (const [id, hex] of check.sample) expect(Buffer.from(handle.tokenBytes(id)).toString('hex')).toBe(hex)
    expect(table.digest('hex')).toBe(check.table_sha256)
    expect(blocks).toEqual(check.encode_blocks)
    expect(count).toBe(check.encode_count)
    expect(encoded.digest('hex')).toBe(check.encode_sha256)
  })
}

function same(a: number[], b: number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}

function utf8(decoder: TextDecoder, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
