// Golden conversations as token ids: the template's text through the model's tokenizer, without adding special tokens.
import { describe, expect, test } from 'vitest'
import { ChatTemplate } from '../../lib/chat/chat-template.js'
import { goldenPath, goldensPresent, readJsonLines, readText, requireGoldens } from '../golden.js'
import { loadGolden } from '../tokenizer/golden-tokenizers.js'
import { type ChatRecord, renderRecord, templates } from './chat-records.js'

/** Those whose tokenizer is supported, with its name. */
const tokenizers: Record<string, string[]> = {
  qwen3: ['qwen3-2507-instruct', 'qwen3-2507-thinking', 'qwen3-2504'],
  llama3: ['llama3', 'llama3-first-upload'],
  'llama3.1': ['llama3.1', 'llama3.2'],
  smollm2: ['smollm2'],
  'mistral-v0.1': ['mistral-instruct-v0.1'],
  'phi3-v': ['phi3-v'],
  'phi3-mini-like': ['phi3-mini', 'phi3.5-mini'],
}

requireGoldens()
describe.runIf(goldensPresent).each(Object.entries(tokenizers))('with the tokenizer %s', (name, names) => {
  const tokenizer = goldensPresent ? loadGolden((file) => goldenPath('tokenizer', name, file)) : undefined
  test.each(names)('%s', (templateName) => {
    const template = new ChatTemplate(
      readText(goldenPath('chat', 'templates', `${templateName}.jinja`)),
      templates[templateName],
    )
    const records = readJsonLines<ChatRecord>(goldenPath('chat', `${templateName}.jsonl.gz`))
    let judged = 0
    for (const record of records) {
      if (record.js_lossy || !record.ids) continue
      const ids = tokenizer?.encode(renderRecord(template, record), { addSpecialTokens: false })
      expect([...(ids ?? [])], record.id).toEqual(record.ids)
      judged++
    }
    expect(judged).toBeGreaterThan(60)
  })
})
