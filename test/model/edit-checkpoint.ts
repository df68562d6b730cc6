// Checkpoints with other tensors, made of a small one, read and written without the code under test.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fixturePath } from '../golden.js'
import { safetensorsBytes } from './temporary.js'

/** A tensor with its bytes. */
export interface RawTensor {
  dtype: string
  shape: number[]
  bytes: Buffer
}

/** The tensors of a .safetensors file. */
export function rawTensors(path: string): Map<string, RawTensor> {
  const file = readFileSync(path)
  const start = 8 + Number(file.readBigUInt64LE())
  const header = JSON.parse(file.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__')
  return new Map(
    entries.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin, end],
        },
      ]) => [name, { dtype, shape, bytes: file.subarray(start + begin, start + end) }],
    ),
  )
}

/** A .safetensors file of tensors. */
export function packTensors(tensors: Iterable<readonly [string, RawTensor]>): Buffer {
  const header: Record<string, unknown> = {}
  const data: Buffer[] = []
  let at = 0
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] }
    at += bytes.length
    data.push(bytes)
  }
  return safetensorsBytes(header, Buffer.concat(data))
}

/** The rows of a matrix, each moved up by one: other values of the same size. */
export function rotateRows({ dtype, shape, bytes }: RawTensor): RawTensor {
  const row = bytes.length / (shape[0] ?? 1)
  return { dtype, shape, bytes: Buffer.concat([bytes.subarray(row), bytes.subarray(0, row)]) }
}

/** A tiny tied Qwen3 (random weights, no tokenizer), its tensors and its config. */
export function tinyCheckpoint(): { tensors: Map<string, RawTensor>; config: Record<string, unknown> } {
  const path = fixturePath('models', 'qwen3-tied')
  return {
    tensors: rawTensors(`${path}/model.safetensors`),
    config: JSON.parse(readFileSync(`${path}/config.json`, 'utf8')),
  }
}

/** Writes a model's folder: config.json and files by name. */
export function writeModel(path: string, config: object, files: Record<string, Buffer | object>): string {
  mkdirSync(path, { recursive: true })
  for (const [name, content] of Object.entries({ 'config.json': config, ...files }))
    writeFileSync(`${path}/${name}`, Buffer.isBuffer(content) ? content : JSON.stringify(content))
  return path
}
