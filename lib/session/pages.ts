import { ask } from '../generation/ask.js'
import { pagePositions } from '../native/constants.js'
import type { PageSource } from './session-model.js'

/** How many of these tokens the KV cache can go on from, and how many pages that takes. */
export async function knownPages(
  source: PageSource,
  tokens: Int32Array,
): Promise<{ positions: number; pages: number }> {
  const { known, pages } = await copyPages(source, tokens, 0, 0, undefined)
  return { positions: known * pagePositions, pages }
}

/** The bytes of so many pages of these tokens, from `first` on; fewer where the cache has lost them. */
export async function readPages(
  source: PageSource,
  tokens: Int32Array,
  first: number,
  count: number,
): Promise<Uint8Array> {
  return (await copyPages(source, tokens, first, count, undefined)).bytes
}

/** Gives the cache pages of these tokens, from `first` on; returns how many it has then. */
export async function writePages(
  source: PageSource,
  tokens: Int32Array,
  first: number,
  bytes: Uint8Array,
): Promise<number> {
  return (await copyPages(source, tokens, first, 0, bytes)).pages
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
