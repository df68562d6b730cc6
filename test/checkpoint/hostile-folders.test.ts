// Files of a model folder that are made to hold the process up: no input keeps the event loop from its work, or memory from others.
import { execFileSync } from 'node:child_process'
import { cp, rm, symlink, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { inspect, load } from '../../lib/index.js'
import { expectShortTurns } from '../longest-turn.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'

const temporary = temporaryFolder()
let made = 0

/** A copy of the bundled model without one of its files. */
async function modelWithout(name: string): Promise<{ folder: string; path: string }> {
  const folder = temporary.join(`model-${made++}`)
  await cp(bundledModelPath(), folder, { recursive: true })
  await rm(`${folder}/${name}`, { force: true })
  return { folder, path: `${folder}/${name}` }
}

const files = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'model.safetensors',
]

describe('what bears the name of a file', () => {
  it.each(files)('%s: a pipe or a device is not read', async (name) => {
    const { folder, path } = await modelWithout(name)
    execFileSync('mkfifo', [path])
    expect((await expectCode(() => load(folder), 'read_error')).message).toBe(`${path}: not a regular file`)
    await rm(path)
    await symlink('/dev/zero', path)
    expect((await expectCode(() => load(folder), 'read_error')).message).toBe(`${path}: not a regular file`)
  })

  it.each(files)('%s: a Git LFS pointer is called by its name', async (name) => {
    const { folder, path } = await modelWithout(name)
    await writeFile(
      path,
      `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 10894464\n`,
    )
    expect((await expectCode(() => load(folder), 'unsupported_format')).message).toContain('Git LFS pointer')
  })
})

const megabytes = (piece: string, count: number) => piece.repeat(Math.ceil((count * 1e6) / piece.length))
const header = (json: string) => {
  const bytes = Buffer.from(json)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(bytes.length))
  return Buffer.concat([length, bytes])
}
const numbered = (count: number, entry: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => entry(i)).join(',')

const hostile: [string, string, () => string | Buffer][] = [
  ['objects', 'tokenizer.json', () => `{"a":[${megabytes('{},', 30)}1]}`],
  ['numbers', 'tokenizer.json', () => `{"a":[${megabytes('1,', 20)}1]}`],
  ['escapes', 'tokenizer.json', () => `{"a":"${megabytes('\\u0041', 30)}"}`],
  ['white space', 'tokenizer.json', () => `{"a":${megabytes(' ', 60)}1}`],
  ['nested lists', 'tokenizer.json', () => megabytes('[', 30)],
  [
    'tokens',
    'tokenizer.json',
    () => `{"model":{"vocab":{${numbered(600_000, (i) => `"token ${i}":${i}`)}}}}`,
  ],
  ['members', 'tokenizer_config.json', () => `{"a":{${numbered(600_000, (i) => `"m${i}":${i}`)}}}`],
  ['layers', 'config.json', () => `{"a":[${megabytes('1,', 4)}1]}`],
  [
    'tensors',
    'model.safetensors',
    () => header(`{${numbered(300_000, (i) => `"t${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`)}}`),
  ],
  ['metadata', 'model.safetensors', () => header(`{"__metadata__":{"a":"${megabytes('x', 90)}"}}`)],
]

describe('a file of many megabytes', () => {
  it.each(hostile)('of %s as %s does not hold the event loop', async (_, name, make) => {
    const { folder, path } = await modelWithout(name)
    await writeFile(path, make())
    // A third of this on a quiet machine; the bound says that nothing is done in one go: each of these took seconds.
    await expectShortTurns(400, () => load(folder).then((model) => model.close()))
    await rm(folder, { recursive: true })
  })

  it('is refused by what it holds', async () => {
    const { folder, path } = await modelWithout('tokenizer.json')
    await writeFile(path, `{"a":[${megabytes('{},', 15)}1]}`)
    expect((await expectCode(() => load(folder), 'invalid_tokenizer')).message).toMatch(
      /more than 4000000 values$/,
    )
    const tensors = temporary.join('many.safetensors')
    await writeFile(
      tensors,
      header(`{${numbered(400_000, (i) => `"t${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`)}}`),
    )
    expect((await expectCode(() => inspect(tensors), 'invalid_header')).message).toMatch(
      /more than 4000000 values$/,
    )
  })
})
