import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'

/** A folder for the files of one test file; call it at the top level. */
export function temporaryFolder(): { join(...parts: string[]): string } {
  let path = ''
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'quern-test-'))
  })
  afterAll(() => rm(path, { recursive: true, force: true }))
  return { join: (...parts) => join(path, ...parts) }
}

/** The bytes of a .safetensors file with the given header, which may be anything, and data. */
export function safetensorsBytes(header: unknown, data: Uint8Array = new Uint8Array()): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.byteLength))
  return Buffer.concat([length, json, data])
}
