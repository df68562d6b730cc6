// Encode and decode speed on one thread: node bench/tokenizer.mjs [tokenizer.json] [--json]
// The text mixes prose, code and six scripts; the other texts are the ones that make naive implementations quadratic.
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { Tokenizer } from '../dist/tokenizer/tokenizer.js'

const RUNS = 5
const MEGABYTE = 1e6

const args = process.argv.slice(2).filter((arg) => arg !== '--json')
const path = args[0] ?? fileURLToPath(new URL('../models/tiny/tokenizer.json', import.meta.url))

// Sentences are put together from words by a fixed generator, so that the word cache meets both old and new words.
const WORDS = (
  'the of and to in is was for that with engine reads tokens quickly because nobody waited three hundred years ' +
  'Überraschung größer naïve façade Straße 世界 你好 数据 模型 机器学习 Привет мир данные обучение العالم مرحبا नमस्ते दुनिया ' +
  '안녕하세요 세계 こんにちは データ 🌍 👩‍👩‍👧 function return const index=0; if(x>=10){ } array.push(value); "string" 3.14159 2026-01-01 #include'
).split(' ')
const SYLLABLES = 'ka lo mi ter ran gu est ing ul pre shu on ver ath i o e'.split(' ')

function mixedText(bytes) {
  let seed = 1
  const random = (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const parts = []
  let length = 0
  while (length < bytes) {
    let word = WORDS[random(WORDS.length)]
    if (random(8) === 0)
      word = Array.from({ length: 2 + random(4) }, () => SYLLABLES[random(SYLLABLES.length)]).join('')
    word += ['\n', '\n    ', '. ', ', ', ...Array(12).fill(' ')][random(16)]
    parts.push(word)
    length += Buffer.byteLength(word)
  }
  return parts.join('')
}

/** Milliseconds of the median of RUNS runs, after one to warm up. */
function measure(run) {
  run()
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  }).sort((a, b) => a - b)
  return times[RUNS >> 1]
}

const loadStart = performance.now()
const tokenizer = await Tokenizer.fromFile(path)
const loadMs = performance.now() - loadStart

const text = mixedText(4 * MEGABYTE)
const chunks = text.match(/[\s\S]{1,4096}/gu)
const bytes = Buffer.byteLength(text)
const ids = tokenizer.encode(text)
const megabytesPerSecond = (ms) => Number((bytes / MEGABYTE / (ms / 1000)).toFixed(1))

const random = Array.from({ length: MEGABYTE }, (_, i) =>
  String.fromCharCode(97 + ((Math.imul(i, 2654435761) >>> 8) % 26)),
)
const hostile = {
  'one letter': 'a'.repeat(MEGABYTE),
  spaces: ' '.repeat(MEGABYTE),
  newlines: '\n'.repeat(MEGABYTE),
  'combining marks': '\u0301\u0323'.repeat(MEGABYTE / 4),
  'random letters': random.join(''),
}
const result = {
  tokenizer: path,
  device: cpus()[0]?.model,
  node: process.version,
  loadMs: Math.round(loadMs),
  tokens: ids.length,
  bytes,
  encodeMBs: megabytesPerSecond(measure(() => tokenizer.encode(text))),
  encodeChunksMBs: megabytesPerSecond(
    measure(() => {
      for (const chunk of chunks) tokenizer.encode(chunk)
    }),
  ),
  decodeMBs: megabytesPerSecond(measure(() => tokenizer.decode(ids))),
  hostileMs: Object.fromEntries(
    Object.entries(hostile).map(([name, value]) => [
      name,
      Math.round(measure(() => tokenizer.encode(value))),
    ]),
  ),
}
if (process.argv.includes('--json')) console.log(JSON.stringify(result))
else console.dir(result)
