// The bundled model with numbers that are none among its weights.
import { cpSync, writeFileSync } from 'node:fs'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { packTensors, type RawTensor, rawTensors } from './edit-checkpoint.js'

export const nan = 0x7fc0
export const infinity = 0x7f80
export const finalNorm = 'model.norm.weight'

/** The bundled model, with these bits of a bfloat16 as all numbers [begin, end) of a tensor. */
export function makeBroken(path: string, name: string, bits: number, begin = 0, end = Infinity): string {
  cpSync(bundledModelPath(), path, { recursive: true })
  return breakTensor(path, name, bits, begin, end)
}

/** The same of a bundled model's copy, in place. */
export function breakTensor(path: string, name: string, bits: number, begin = 0, end = Infinity): string {
  const tensors = rawTensors(`${path}/model.safetensors`)
  const { dtype, shape, bytes } = tensors.get(name) as RawTensor
  const numbers = new Uint16Array(Uint8Array.from(bytes).buffer)
  numbers.fill(bits, begin, Math.min(end, numbers.length))
  const broken = { dtype, shape, bytes: Buffer.from(numbers.buffer) }
  writeFileSync(`${path}/model.safetensors`, packTensors(new Map(tensors).set(name, broken)))
  return path
}
