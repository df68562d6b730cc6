// Every golden conversation through every golden template, to the character.
import { describe, expect, test } from 'vitest'
import { ChatTemplate } from '../../lib/chat/chat-template.js'
import {
  fixturePath,
  goldenPath,
  goldensPresent,
  readJsonLines,
  readText,
  requireGoldens,
} from '../golden.js'
import { type ChatRecord, expectRecord, templates } from './chat-records.js'

requireGoldens()

describe.runIf(goldensPresent)('golden conversations', () => {
  test.each(Object.entries(templates))('%s', (name, tokens) => {
    const template = new ChatTemplate(readText(goldenPath('chat', 'templates', `${name}.jinja`)), tokens)
    const records = readJsonLines<ChatRecord>(goldenPath('chat', `${name}.jsonl.gz`))
    expect(records.length).toBeGreaterThan(100)
    const judged = records.filter((record) => !record.js_lossy)
    for (const record of judged) expect.soft(() => expectRecord(template, record), record.id).not.toThrow()
  })
})

test('the small copy', () => {
  const template = new ChatTemplate(
    readText(fixturePath('chat', 'qwen3-2507-instruct.jinja')),
    templates['qwen3-2507-instruct'],
  )
  const records = readJsonLines<ChatRecord>(fixturePath('chat', 'qwen3-2507-instruct.jsonl'))
  expect(records).toHaveLength(20)
  for (const record of records) expectRecord(template, record)
})
