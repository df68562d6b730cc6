// What callers do to a model, each as a function that does it once: (model, random) => tokens that came of it.
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const questions = [
  'What is the capital of France?',
  'Tell me a short story about a fox.',
  'What is the weather in Paris?',
  'My name is Ada. What is my name?',
  '讲一个小故事。',
  'How many legs has a spider? 🕷️',
]
const weather = {
  name: 'get_weather',
  description: 'Get the current weather in a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

const pick = (random, items) => items[Math.floor(random() * items.length)]
const whole = (random, low, high) => low + Math.floor(random() * (high - low + 1))
const countOf = ({ usage }) => usage.completionTokens

/** Some turns with tools, each answer read as it comes. */
async function conversation(model, random) {
  const messages = [{ role: 'system', content: 'Be brief.' }]
  let tokens = 0
  for (let turns = whole(random, 1, 4); turns > 0; turns--) {
    messages.push({ role: 'user', content: pick(random, questions) })
    const reply = model.chat(messages, { tools: [weather], maxTokens: 60, temperature: random() })
    for await (const _ of reply.events());
    const { message, toolCalls, usage } = await reply.result()
    tokens += usage.completionTokens
    messages.push(message)
    for (const { id, name } of toolCalls)
      messages.push({ role: 'tool', tool_call_id: id, name, content: '{"temperature": 21}' })
  }
  return tokens
}

async function sampled(model, random) {
  const options = {
    maxTokens: whole(random, 1, 80),
    temperature: 2 * random(),
    topK: whole(random, 0, 50),
    topP: random(),
    minP: random() / 10,
    stop: pick(random, [[], ['.'], [' the', '\n\n']]),
    ...pick(random, [
      {},
      { repetitionPenalty: 1.2, presencePenalty: 0.5, dry: { multiplier: 0.8 } },
      { typicalP: 0.9, xtc: { probability: 0.5 }, logprobs: true, topLogprobs: 5 },
      { mirostat: { tau: 4 }, logitBias: { 198: -100 } },
    ]),
  }
  return countOf(await model.generate(pick(random, questions), options).result())
}

/** Several continuations of one prompt, whose pages they share. */
async function several(model, random) {
  const options = { n: whole(random, 2, 5), maxTokens: 40, temperature: 1 }
  const results = await Promise.all(
    model.generateMany(pick(random, questions), options).map((generation) => generation.result()),
  )
  return results.reduce((sum, result) => sum + countOf(result), 0)
}

/** A conversation longer than the context. */
async function truncated(model, random) {
  const messages = Array.from({ length: 2 * whole(random, 100, 150) + 1 }, (_, i) => ({
    role: i % 2 === 0 ? 'user' : 'assistant',
    content: pick(random, questions).repeat(2),
  }))
  const result = await model.chat(messages, { contextOverflow: 'truncate', maxTokens: 20 }).result()
  if (!result.dropped) throw new Error('nothing was dropped')
  return countOf(result)
}

async function cancelled(model, random) {
  const generation = model.generate('Once upon a time', { maxTokens: 500, ignoreEos: true })
  await sleep(40 * random())
  generation.cancel()
  return countOf(await generation.result())
}

async function aborted(model, random) {
  const signal = AbortSignal.timeout(whole(random, 0, 40))
  const generation = model.generate('Once upon a time', { maxTokens: 500, ignoreEos: true, signal })
  await expectError(generation.text(), ['TimeoutError', undefined])
  return 0
}

/** Leaves after a few pieces, and reads slowly until then. */
async function slowReader(model, random) {
  let left = whole(random, 1, 20)
  for await (const _ of model.generate('There was a bear', { maxTokens: 400, ignoreEos: true })) {
    await sleep(4 * random())
    if (--left === 0) break
  }
  return 0
}

/** Nobody ever looks at it: to be cancelled when it is collected. */
async function abandoned(model) {
  model.generate('There was a fox', { maxTokens: 300, ignoreEos: true })
  await sleep(30) // or the others would wait for thousands of these
  return 0
}

async function overflow(model) {
  await expectError(model.generate('long '.repeat(5000)).text(), ['context_overflow'])
  return 0
}

async function mistakes(model, random) {
  const calls = [
    () => model.generate('a', { temperature: Number.NaN }).text(),
    () => model.generate('a', { beams: 2 }).text(),
    () => model.generate({ tokens: [1e9] }).text(),
    () => model.chat([{ role: 'user' }]).text(),
    () => model.chat('a', { stop: '' }).text(),
    () => model.logits([-1]),
  ]
  await sleep(5)
  await expectError(pick(random, calls)(), [
    'invalid_option',
    'unsupported_option',
    'invalid_token',
    'invalid_input',
  ])
  return 0
}

async function logits(model, random) {
  const { data } = await model.logits([1, 2, 3, whole(random, 0, 5000)])
  if (!data.every(Number.isFinite)) throw new Error('a logit is no number')
  return 0
}

/** A conversation that forks, and goes on from a file. */
async function session(model, random) {
  const options = { maxTokens: whole(random, 1, 40), temperature: random(), contextOverflow: 'truncate' }
  const first = model.session({ system: 'Be brief.', ...options })
  let tokens = countOf(await first.chat(pick(random, questions)).result())
  const forks = await Promise.all([first.fork(), first.fork()].map((fork) => fork.chat('Why?').result()))
  const path = join(tmpdir(), `quern-soak-${randomUUID()}.session`)
  try {
    await first.save(path)
    const later = await model.loadSession(path, options)
    tokens += countOf(await later.chat(pick(random, questions)).result())
  } finally {
    await rm(path, { force: true })
  }
  return tokens + forks.map(countOf).reduce((sum, count) => sum + count)
}

/** Rejects as one of `codes` says: a QuernError's code or an error's name; undefined: it may also succeed. */
async function expectError(promise, codes) {
  const found = await promise.then(
    () => undefined,
    (error) => error.code ?? error.name,
  )
  if (!codes.includes(typeof found === 'number' ? 'TimeoutError' : found))
    throw new Error(`expected ${codes.join(' or ')}, got ${found}`)
}

export const clients = {
  conversation,
  sampled,
  several,
  truncated,
  cancelled,
  aborted,
  slowReader,
  abandoned,
  overflow,
  mistakes,
  logits,
  session,
}
