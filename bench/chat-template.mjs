// Speed of chat templates on one thread, warm: node bench/chat-template.mjs [chat_template.jinja] [--json]
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { ChatTemplate } from '../dist/index.js'

const MESSAGES = 100
const ROUNDS = 200

const path =
  process.argv.slice(2).find((arg) => arg !== '--json') ??
  fileURLToPath(new URL('../test/fixtures/chat/qwen3-2507-instruct.jinja', import.meta.url))
const source = readFileSync(path, 'utf8')
const messages = Array.from({ length: MESSAGES }, (_, i) => ({
  role: i % 2 === 0 ? 'user' : 'assistant',
  content: `Message ${i}: ${'some words of a conversation, '.repeat(10)}`,
}))
const template = new ChatTemplate(source, { eos_token: '<|im_end|>' })

/** Milliseconds: the first run, and the median of ROUNDS later ones. */
function measure(run) {
  const times = Array.from({ length: ROUNDS + 1 }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  })
  const [first, ...warm] = times
  const median = warm.sort((a, b) => a - b)[ROUNDS >> 1]
  return { firstMs: Number(first.toFixed(2)), warmMs: Number(median.toFixed(3)) }
}

const result = {
  device: cpus()[0]?.model,
  node: process.version,
  characters: source.length,
  parse: measure(() => new ChatTemplate(source)),
  messages: MESSAGES,
  render: measure(() => template.render(messages, { addGenerationPrompt: true })),
}
if (process.argv.includes('--json')) console.log(JSON.stringify(result))
else console.dir(result)
