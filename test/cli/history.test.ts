import { execFileSync } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { History } from '../../lib/cli/history.js'
import { temporaryFolder } from '../model/temporary.js'

const folder = temporaryFolder()

test('lines are kept as they are typed, newest first, for the owner alone', async () => {
  const path = folder.join('a', 'b', 'history')
  const first = await History.open(path)
  expect(first.lines).toEqual([])
  for (const line of ['one', 'two', 'two', ' ', 'one']) await first.add(line)
  const second = await History.open(path)
  expect(second.lines).toEqual(['one', 'two', 'one'])
  await Promise.all([first.add('three'), second.add('four')]) // two runs at a time lose nothing
  expect((await History.open(path)).lines.slice(0, 2).sort()).toEqual(['four', 'three'])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('it does not grow for ever', async () => {
  const path = folder.join('long')
  await writeFile(path, Array.from({ length: 5000 }, (_, i) => `line ${i}\n`).join(''))
  const { lines } = await History.open(path)
  expect(lines).toHaveLength(1000)
  expect(lines[0]).toBe('line 4999')
  expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(1001)
})

test('a place that cannot be read or written is no failure', async () => {
  for (const path of ['/dev/null/history', folder.join('.')]) {
    const history = await History.open(path)
    expect(history.lines).toEqual([])
    await history.add('x')
  }
  const fifo = folder.join('fifo')
  execFileSync('mkfifo', [fifo])
  expect((await History.open(fifo)).lines).toEqual([])
})
