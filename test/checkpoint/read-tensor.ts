import { open } from 'node:fs/promises'
import { readSafetensorsHeader } from '../../lib/checkpoint/safetensors.js'

/** Numbers as they lie in a file. */
export interface StoredNumbers {
  path: string
  dtype: 'f32' | 'f16' | 'bf16'
  offset: number
  count: number
}

/** Reads numbers as float64: a second way to the bytes that a plan points at. */
export async function readNumbers({ path, dtype, offset, count }: StoredNumbers): Promise<Float64Array> {
  const width = dtype === 'f32' ? 4 : 2
  const file = await open(path)
  const bytes = Buffer.alloc(count * width)
  await file.read(bytes, 0, bytes.byteLength, offset)
  await file.close()
  return Float64Array.from({ length: count }, (_, i) => {
    if (dtype === 'f32') return bytes.readFloatLE(i * 4)
    return dtype === 'f16'
      ? halfToNumber(bytes.readUInt16LE(i * 2))
      : bfloatToNumber(bytes.readUInt16LE(i * 2))
  })
}

/** Reads a whole F32 tensor of a .safetensors file by its name. */
export async function readNamed(path: string, name: string): Promise<Float64Array> {
  const tensor = (await readSafetensorsHeader(path)).tensors.get(name)
  if (tensor?.dtype !== 'F32') throw new Error(`${path} has no F32 ${name}`)
  return readNumbers({ path, dtype: 'f32', offset: tensor.offset, count: tensor.bytes / 4 })
}

function bfloatToNumber(bits: number): number {
  return new Float32Array(new Uint32Array([bits << 16]).buffer)[0] as number
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = (bits & 1023) / 1024
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15))
}
