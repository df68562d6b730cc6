import type { BatchRequest } from './batch-request.js'
import type { InputIndex } from './input-index.js'

/** Lines that are put in order at a time. */
const windowLines = 8192
/** Characters of a prompt that are compared. */
const prefixLength = 4096

/**
 * The lines that have no answer yet, so that those whose prompts begin alike follow each other and find what was computed in the prefix cache:
 * sorted by what their prompts begin with, among some thousands of lines at a time, which bounds the memory.
 */
export async function* inPrefixOrder(index: InputIndex): AsyncGenerator<number> {
  let next = 1
  while (next <= index.lines) {
    const window: { number: number; prefix: Buffer }[] = []
    for (; next <= index.lines && window.length < windowLines; next++) {
      if (!index.isDone(next)) window.push({ number: next, prefix: await prefixOf(index, next) })
    }
    window.sort((a, b) => Buffer.compare(a.prefix, b.prefix))
    for (const { number } of window) yield number
  }
}

async function prefixOf(index: InputIndex, number: number): Promise<Buffer> {
  try {
    return promptPrefix(await index.request(number))
  } catch {
    return Buffer.alloc(0) // why, its answer will tell
  }
}

/** Bytes that are alike where prompts begin alike. A part of a string would keep all of it in memory. */
function promptPrefix({ url, body }: BatchRequest): Buffer {
  const { model, tools, messages, prompt, input } = body
  const text = JSON.stringify([url, model, tools, messages ?? prompt ?? input])
  return Buffer.from(text.slice(0, prefixLength))
}
