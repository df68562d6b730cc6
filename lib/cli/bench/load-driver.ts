import { setTimeout as sleep } from 'node:timers/promises'

/** What is asked of a server. */
export interface Load {
  url: string
  model: string
  apiKey?: string
  /** Requests per second, at moments as random as those of independent people (a Poisson process). */
  rate: number
  requests: number
  /** Requests that are open at a time. */
  concurrency: number
  /** Words of each prompt, about a token each. */
  prompt: number
  /** Tokens of each answer. */
  generate: number
  ignoreEos: boolean
  onDone(count: number): void
}

/** A request, in milliseconds since it was sent. */
export interface Sample {
  firstMs: number
  lastMs: number
  /** Between one event with text and the next. */
  gapsMs: number[]
  promptTokens: number
  completionTokens: number
  error?: string
}

/** Sends the requests, and gives what came of each. */
export async function drive(load: Load): Promise<{ samples: Sample[]; seconds: number }> {
  const samples: Sample[] = []
  const open = new Set<Promise<void>>()
  const began = performance.now()
  let due = began
  for (let i = 0; i < load.requests; i++) {
    if (load.rate !== Number.POSITIVE_INFINITY) {
      due += (-1e3 * Math.log(1 - Math.random())) / load.rate
      await sleep(Math.max(0, due - performance.now()))
    }
    while (open.size >= load.concurrency) await Promise.race(open)
    const request: Promise<void> = ask(load, promptText(i, load.prompt)).then((sample) => {
      samples.push(sample)
      open.delete(request)
      load.onDone(samples.length)
    })
    open.add(request)
  }
  await Promise.all(open)
  return { samples, seconds: (performance.now() - began) / 1e3 }
}

const words =
  'time year people way day man thing woman life child world school state family student group country hand part place case week company system program work government number night point home water room mother area money story fact month lot right study book eye job word business issue side kind head house service friend father power hour game line end member law car city name'.split(
    ' ',
  )

/** Common words, in an order that no other request has: what a server keeps of one prompt helps no other. */
function promptText(request: number, length: number): string {
  let state = request + 1
  return Array.from({ length }, () => {
    state = (state * 48_271) % 0x7fffffff
    return words[state % words.length]
  }).join(' ')
}

async function ask({ url, model, apiKey, generate, ignoreEos }: Load, prompt: string): Promise<Sample> {
  const sample: Sample = { firstMs: 0, lastMs: 0, gapsMs: [], promptTokens: 0, completionTokens: 0 }
  const sent = performance.now()
  try {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(apiKey !== undefined && { Authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({
        ...{ model, prompt, max_tokens: generate, temperature: 0, stream: true },
        stream_options: { include_usage: true },
        ...(ignoreEos && { ignore_eos: true }),
      }),
    })
    if (!response.ok) return { ...sample, error: await refusal(response) }
    for await (const event of events(response)) take(sample, event, performance.now() - sent)
    return sample
  } catch (error) {
    const { message, cause } = error as Error
    return { ...sample, error: cause instanceof Error ? `${message}: ${cause.message}` : message }
  }
}

interface CompletionChunk {
  choices?: { text?: string }[]
  usage?: { prompt_tokens: number; completion_tokens: number } | null
  error?: { message: string }
}

function take(sample: Sample, { choices, usage, error }: CompletionChunk, atMs: number): void {
  if (error) throw new Error(error.message)
  if (choices?.[0]?.text) {
    if (sample.firstMs === 0) sample.firstMs = atMs
    else sample.gapsMs.push(atMs - sample.lastMs)
    sample.lastMs = atMs
  }
  if (!usage) return
  sample.promptTokens = usage.prompt_tokens
  sample.completionTokens = usage.completion_tokens
}

/** The data of server-sent events, up to `[DONE]`. */
async function* events({ body }: Response): AsyncGenerator<CompletionChunk, void, undefined> {
  let text = ''
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece
    const lines = text.split(/\r?\n/)
    text = lines.pop() ?? ''
    for (const line of lines) {
      if (line.startsWith('data:') && !line.includes('[DONE]')) yield JSON.parse(line.slice(5))
    }
  }
}

async function refusal(response: Response): Promise<string> {
  const text = (await response.text()).slice(0, 200)
  return `${response.status} ${text}`
}
