import { quote } from '../files/quote.js'
import type { ModelFiles } from './model-files.js'

/**
 * Tensors of a model that sees or hears which its text model has no use for. They are not read.
 *
 * @example
 * ```ts
 * const { leftOut } = await inspect('./Qwen3-VL-2B-Instruct')
 * if (leftOut) console.log(`${leftOut.tensors} tensors, ${leftOut.bytes} bytes`)
 * ```
 */
export interface LeftOut {
  tensors: number
  /** In the files. */
  bytes: number
}

/** Tensors of a checkpoint that nothing is made of. */
export interface UnusedTensors {
  /** Of other parts than the decoder; undefined where the decoder is all that config.json describes, or nothing is. */
  leftOut?: LeftOut
  /** Of layers, for which config.json has no place: names. */
  strange: readonly string[]
}

/** Old checkpoints hold the frequencies of their angles, which follow from config.json. */
const derived = /\.rotary_emb\.inv_freq$/

/** Sorts out what is not used, where names of the decoder begin with a prefix. */
export function findUnused(files: ModelFiles, used: ReadonlySet<string>, prefix: string): UnusedTensors {
  const leftOut: LeftOut = { tensors: 0, bytes: 0 }
  const strange: string[] = []
  for (const { name, bytes } of files.stored()) {
    if (used.has(name) || derived.test(name)) continue
    if (name.startsWith(`${prefix}layers.`)) strange.push(name)
    else {
      leftOut.tensors++
      leftOut.bytes += bytes
    }
  }
  const hasParts = files.config.architecture.textType !== undefined && leftOut.tensors > 0
  return { ...(hasParts && { leftOut }), strange }
}

/** How a caller is told; empty where there is nothing to tell. */
export function unusedMessages(path: string, { leftOut, strange }: UnusedTensors): string[] {
  const messages: string[] = []
  if (leftOut !== undefined)
    messages.push(
      `${path}: the model is loaded for text only; ${tensors(leftOut.tensors)} (${leftOut.bytes} bytes) of its other parts are left out`,
    )
  if (strange.length > 0)
    messages.push(
      `${path}: ${tensors(strange.length)} of layers not used, for which its config.json has no place: ${quote(strange[0])}${strange.length > 1 ? ' and others' : ''}`,
    )
  return messages
}

function tensors(count: number): string {
  return count === 1 ? '1 tensor' : `${count} tensors`
}
