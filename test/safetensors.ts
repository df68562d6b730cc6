// Expected values, read without the code under test.
import { readFileSync } from 'node:fs'

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>

/** The F32 tensors of a .safetensors file. */
export class ExpectedTensors {
  readonly #path: string
  readonly #header: Header
  readonly #data: Uint8Array

  constructor(path: string) {
    this.#path = path
    const bytes = readFileSync(path)
    const length = Number(bytes.readBigUInt64LE(0))
    this.#header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
    this.#data = bytes.subarray(8 + length)
  }

  get(name: string): Float32Array {
    const tensor = this.#header[name]
    if (tensor?.dtype !== 'F32') throw new Error(`${this.#path} has no F32 ${name}`)
    return new Float32Array(new Uint8Array(this.#data.subarray(...tensor.data_offsets)).buffer)
  }
}
