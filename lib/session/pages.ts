import { ask } from '../generation/ask.js'
import type { PageSource } from './session-model.js'

/** How many whole pages of these tokens are in the KV cache. */
export async function knownPages(source: PageSource, tokens: Int32Array): Promise<number> {
  return (await copyPages(source, tokens, 0, 0, undefined)).known
}

/** The bytes of so many pages from `first` on; fewer where the cache has lost them. */
export async function readPages(
  source: PageSource,
  tokens: Int32Array,
  first: number,
  count: number,
): Promise<Uint8Array> {
  return (await copyPages(source, tokens, first, count, undefined)).bytes
}

/** Gives the cache pages from `first` on; returns how many of the tokens it knows then. */
export async function writePages(
  source: PageSource,
  tokens: Int32Array,
  first: number,
  bytes: Uint8Array,
): Promise<number> {
  return (await copyPages(source, tokens, first, 0, bytes)).known
}

function copyPages(
  source: PageSource,
  tokens: Int32Array,
  first: number,
  count: number,
  bytes: Uint8Array | undefined,
) {
  return ask(source, { kind: 'pages', tokens, origin: source.origin, first, count, bytes })
}
