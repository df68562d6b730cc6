import { expect, test, vi } from 'vitest'
import { byteCount } from '../../lib/cli/bytes.js'
import { loadModel, ProgressLine } from '../../lib/cli/load-model.js'
import {
  packTensors,
  type RawTensor,
  rotateRows,
  tinyCheckpoint,
  writeModel,
} from '../model/edit-checkpoint.js'
import { temporaryFolder } from '../model/temporary.js'
import { quern } from './quern.js'

const folder = temporaryFolder()

test('what load() warns of looks the same in every command', async () => {
  const { tensors, config } = tinyCheckpoint()
  const embed = tensors.get('model.embed_tokens.weight') as RawTensor
  const path = writeModel(folder.join('odd'), config, {
    'model.safetensors': packTensors([...tensors, ['lm_head.weight', rotateRows(embed)]]),
  })
  const warned = /^warning: .*tie_word_embeddings: true, .*$/
  const first = ({ err }: { err: string }) => err.split('\n')[0]
  expect(first(await quern('generate', '--model', path, 'Once'))).toMatch(warned)
  expect(first(await quern('chat', '--model', path, 'Hi'))).toMatch(warned)
  const bench = await quern('bench', '--model', path, '--prompt', '4', '--generate', '2', '--runs', '1')
  expect(first(bench)).toMatch(warned)
})

test.each([
  ['2GB', 2e9],
  ['512mb', 512e6],
  ['1.5 GiB', 1.5 * 2 ** 30],
  ['4G', 4e9],
  ['100kB', 100e3],
  ['64MiB', 2 ** 26],
  ['5000000', 5e6],
])('%s are %d bytes', (text, bytes) => {
  expect(byteCount(text)).toBe(bytes)
})

test.each(['', 'much', '2 GBs', '-1GB', '0', '1e9', '2GB3', 'Infinity', '1e400'])('"%s" are none', (text) => {
  expect(() => byteCount(text)).toThrow('expected bytes, as in 2GB')
})

test('--kv-cache is the memory for keys and values', async () => {
  const loaded = vi.fn()
  const model = await loadModel({ kvCache: byteCount('1MB') }, loaded)
  expect(model.stats().kvCache.bytes).toBeLessThanOrEqual(1e6)
  expect(model.stats().kvCache.bytes).toBeGreaterThan(9e5)
  await model.close()
  for (const command of ['generate', 'chat', 'embed', 'score', 'bench', 'serve', 'batch']) {
    const { code, err } = await quern(command, 'a', 'b', '--kv-cache', 'much')
    expect(code, command).toBe(2)
    expect(err, command).toContain('--kv-cache')
    expect(err, command).toContain('expected bytes, as in 2GB')
  }
})

test('how far loading is gets written when it is another percent, not with each piece of a file', () => {
  const isTTY = Object.getOwnPropertyDescriptor(process.stderr, 'isTTY')
  process.stderr.isTTY = true
  const now = vi.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValue(1000)
  try {
    let written = ''
    const line = new ProgressLine((text) => {
      written += text
    })
    for (let bytes = 0; bytes <= 4000; bytes++)
      line.show({ phase: 'load', loadedBytes: bytes, totalBytes: 4000 })
    expect(written.match(/loading \d+ %/g)).toEqual(
      Array.from({ length: 101 }, (_, percent) => `loading ${percent} %`),
    )
  } finally {
    now.mockRestore()
    if (isTTY) Object.defineProperty(process.stderr, 'isTTY', isTTY)
    else Reflect.deleteProperty(process.stderr, 'isTTY')
  }
})
