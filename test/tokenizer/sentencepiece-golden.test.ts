// Small tokenizers of all shapes that quern reads, against what the reference library makes of texts with them.
import { expect, test } from 'vitest'
import { Tokenizer } from '../../lib/tokenizer/tokenizer.js'
import { fixturePath, readJsonLines } from '../golden.js'

interface TokenizerRecord {
  tokenizer: object
  cases: { text: string; ids: number[]; ids_with_special: number[]; decoded: string; skipped: string }[]
  decodes: { ids: number[]; decoded: string }[]
}

const path = process.env.QUERN_RECORDS ?? fixturePath('tokenizer', 'sentencepiece.jsonl.gz')
const records = readJsonLines<TokenizerRecord>(path)

test.each(records.map((record, index) => [index, record] as const))('tokenizer %i', (_, record) => {
  const tokenizer = Tokenizer.fromJSON(record.tokenizer)
  const streamed = (ids: number[], skipSpecialTokens = false) => {
    const decoder = tokenizer.decoder({ skipSpecialTokens })
    return ids.map((id) => decoder.push(id)).join('') + decoder.end()
  }
  for (const want of record.cases) {
    const got = {
      text: want.text,
      ids: [...tokenizer.encode(want.text, { addSpecialTokens: false })],
      ids_with_special: [...tokenizer.encode(want.text)],
      decoded: tokenizer.decode(want.ids),
      skipped: tokenizer.decode(want.ids, { skipSpecialTokens: true }),
    }
    expect(got).toEqual(want)
    expect(streamed(want.ids)).toBe(want.decoded)
    expect(streamed(want.ids, true)).toBe(want.skipped)
  }
  for (const { ids, decoded } of record.decodes) {
    expect(tokenizer.decode(ids), ids.join()).toBe(decoded)
    expect(streamed(ids)).toBe(decoded)
  }
})
