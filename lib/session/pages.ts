import { QuernError } from '../errors.js'
import type { NativeRow, NativeTransfer } from '../native/binding.js'
import { callNative, failureOf } from '../native/call-native.js'
import type { PageSource } from './session-model.js'

/** How many whole pages of these tokens are in the KV cache. */
export async function knownPages(source: PageSource, tokens: Int32Array): Promise<number> {
  return (await transfer(source, { tokens, first: 0, count: 0, bytes: undefined })).knownPages ?? 0
}

/** The bytes of so many pages from `first` on; fewer where the cache has lost them. */
export async function readPages(
  source: PageSource,
  tokens: Int32Array,
  first: number,
  count: number,
): Promise<Uint8Array> {
  const row = await transfer(source, { tokens, first, count, bytes: undefined })
  return row.pageBytes ?? new Uint8Array()
}

/** Gives the cache pages from `first` on; returns how many of the tokens it knows then. */
export async function writePages(
  source: PageSource,
  tokens: Int32Array,
  first: number,
  bytes: Uint8Array,
): Promise<number> {
  return (await transfer(source, { tokens, first, count: 0, bytes })).knownPages ?? 0
}

async function transfer(
  { model, requests, origin }: PageSource,
  order: Omit<NativeTransfer, 'origin'>,
): Promise<NativeRow> {
  const request = callNative(() => model.transfer({ ...order, origin }))
  const row = await new Promise<NativeRow>((resolve) => requests.add(request, resolve))
  if (row.finish === 'pages') return row
  if (row.finish === 'cancelled') throw new QuernError('closed', 'the model was closed meanwhile')
  throw failureOf(row)
}
