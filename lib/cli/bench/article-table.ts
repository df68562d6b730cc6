import type { Model } from '../../index.js'
import { formatBytes } from '../bytes.js'
import { loadModel } from '../load-model.js'
import type { ModelFlags } from '../model-flags.js'
import { promptProducts } from './flops.js'

/** Tokens of the prompts, and of each answer. */
const prompts = [1024, 32_768, 131_072]
const generated = 512
/** What is measured before anything long is begun. */
const trial = { prompt: 256, generated: 16 }

const positionsPerPage = 16

/** A line of the table: what was measured, or why it was not. */
export interface TableRow {
  model: string
  prompt: number
  generate: number
  firstTokenMs?: number
  decodeTokensPerSecond?: number
  notRun?: string
}

interface Speed {
  /** Multiply-adds per second in a prompt. */
  products: number
  decodeTokensPerSecond: number
}

/** Measures one request at a time for each length of prompt, as far as memory, the model's context and the minutes allow. */
export async function articleTable(
  flags: ModelFlags & { maxMinutes: number },
  write: (text: string) => void,
): Promise<TableRow[]> {
  const model = await loadModel(flags, write, { tokenizer: false })
  const ends = performance.now() + 60e3 * flags.maxMinutes
  const rows: TableRow[] = []
  try {
    write(`a short run: ${trial.prompt} + ${trial.generated} tokens …\n`)
    let speed = await measure(model, trial.prompt, trial.generated)
    for (const prompt of prompts) {
      const row = { model: model.info.source, prompt, generate: generated }
      const notRun = whyNot(model, prompt) ?? tooLong(model, prompt, speed, ends)
      if (notRun !== undefined) {
        rows.push({ ...row, notRun })
        continue
      }
      write(`${prompt} + ${generated} tokens: about ${minutesText(seconds(model, prompt, speed))} …\n`)
      speed = await measure(model, prompt, generated)
      rows.push({
        ...row,
        firstTokenMs: speed.firstTokenMs,
        decodeTokensPerSecond: speed.decodeTokensPerSecond,
      })
    }
  } finally {
    await model.close()
  }
  return rows
}

export function tableText(rows: readonly TableRow[]): string {
  const lines = rows.map(({ prompt, generate, firstTokenMs, decodeTokensPerSecond, notRun }) => {
    const shape = `${prompt / 1024}K × ${generate}`.padEnd(12)
    if (firstTokenMs === undefined) return `${shape} not run: ${notRun}`
    const first = `${(firstTokenMs / 1e3).toFixed(1)} s`.padStart(10)
    return `${shape} ${first} ${`${decodeTokensPerSecond?.toFixed(1)} tokens/s`.padStart(17)}`
  })
  const head = `${'prompt'.padEnd(12)} ${'first token'.padStart(10)} ${'then'.padStart(16)}`
  return `${rows[0]?.model}, one request at a time\n${head}\n${lines.join('\n')}\n`
}

async function measure(
  model: Model,
  prompt: number,
  generate: number,
): Promise<Speed & { firstTokenMs: number }> {
  const { config } = model.info
  const tokens = Int32Array.from({ length: prompt }, (_, i) => (i * 7919 + prompt * 104_729) % config.vocab)
  const { timings } = await model
    .generate({ tokens }, { maxTokens: generate, temperature: 0, ignoreEos: true, seed: 0 })
    .result()
  const { firstTokenMs, decodeTokensPerSecond } = timings
  return {
    firstTokenMs,
    decodeTokensPerSecond,
    products: promptProducts(config, prompt) / (firstTokenMs / 1e3),
  }
}

/** Why neither the context nor the memory holds it, if that is so. */
function whyNot(model: Model, prompt: number): string | undefined {
  const { contextLength, pageBytes, attentionSinks } = model.info
  if (attentionSinks !== undefined) return undefined
  const tokens = prompt + generated
  if (tokens > contextLength) return `the model's context is ${contextLength} tokens`
  const pages = Math.ceil(tokens / positionsPerPage)
  const { kvCache } = model.stats()
  if (pages <= kvCache.pages) return undefined
  return `its keys and values take ${formatBytes(pages * pageBytes)}, and there are ${formatBytes(kvCache.bytes)} for them`
}

function tooLong(model: Model, prompt: number, speed: Speed, ends: number): string | undefined {
  const takes = seconds(model, prompt, speed)
  const left = (ends - performance.now()) / 1e3
  if (takes <= left) return undefined
  return `about ${minutesText(takes)} at the speed of the run before, and ${minutesText(Math.max(0, left))} are left (--max-minutes)`
}

/** What a row will take, judging by a shorter one. */
function seconds({ info }: Model, prompt: number, { products, decodeTokensPerSecond }: Speed): number {
  return promptProducts(info.config, prompt) / products + generated / decodeTokensPerSecond
}

function minutesText(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} minutes`
}
