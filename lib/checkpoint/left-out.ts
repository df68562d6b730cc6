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

/** What a model has beside its decoder; undefined where nothing is, or where the decoder is all that config.json describes. */
export function countLeftOut(files: ModelFiles, used: ReadonlySet<string>): LeftOut | undefined {
  if (files.config.architecture.textType === undefined) return undefined
  const leftOut: LeftOut = { tensors: 0, bytes: 0 }
  for (const { name, bytes } of files.stored()) {
    if (used.has(name)) continue
    leftOut.tensors++
    leftOut.bytes += bytes
  }
  return leftOut.tensors === 0 ? undefined : leftOut
}

/** How a caller is told. */
export function leftOutMessage(path: string, { tensors, bytes }: LeftOut): string {
  return `${path}: the model is loaded for text only; ${tensors} tensors (${bytes} bytes) of its other parts are left out`
}
