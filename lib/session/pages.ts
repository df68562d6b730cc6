import { ask } from '../generation/ask.js'
import { pagePositions } from '../native/constants.js'
import type { PageSource } from './session-model.js'

/** The tokens of a conversation up to a position. The angles of some models depend on how long the whole of it is. */
export interface ConversationPart {
  tokens: Int32Array
  /** How many of them are asked about. */
  positions: number
}

/** How many of these positions the KV cache can go on from, and how many pages that takes. */
export async function knownPages(
  source: PageSource,
  part: ConversationPart,
): Promise<{ positions: number; pages: number }> {
  const { known, pages } = await copyPages(source, part, 0, 0, undefined)
  return { positions: known * pagePositions, pages }
}

/** The bytes of so many pages of these positions, from `first` on; fewer where the cache has lost them. */
export async function readPages(
  source: PageSource,
  part: ConversationPart,
  first: number,
  count: number,
): Promise<Uint8Array> {
  return (await copyPages(source, part, first, count, undefined)).bytes
}

/** Gives the cache pages of these positions, from `first` on; returns how many it has then. */
export async function writePages(
  source: PageSource,
  part: ConversationPart,
  first: number,
  bytes: Uint8Array,
): Promise<number> {
  return (await copyPages(source, part, first, 0, bytes)).pages
}

function copyPages(
  source: PageSource,
  part: ConversationPart,
  first: number,
  count: number,
  bytes: Uint8Array | undefined,
) {
  return ask(source, { kind: 'pages', ...part, origin: source.origin, first, count, bytes })
}
