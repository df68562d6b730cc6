import { execFileSync } from 'node:child_process'
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { isFile, readExactly, readPieces, readSmallFile, withFile } from '../../lib/files/read-file.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'

const temporary = temporaryFolder()
const read = (path: string) => withFile(path, (file) => readExactly(file, 0, file.bytes))

async function fifo(name: string): Promise<string> {
  execFileSync('mkfifo', [temporary.join(name)])
  return temporary.join(name)
}

describe('a file', () => {
  it('is read through a link, as the cache of the hub has them', async () => {
    await writeFile(temporary.join('target'), 'contents')
    await symlink('target', temporary.join('link'))
    expect((await read(temporary.join('link'))).toString()).toBe('contents')
    expect(await isFile(temporary.join('link'))).toBe(true)
    expect(readSmallFile(temporary.join('link'), 8)).toBe('contents')
    expect(readSmallFile(temporary.join('link'), 7)).toBeUndefined()
  })

  it('that is none is refused before anything waits for it', async () => {
    await mkdir(temporary.join('folder'))
    await symlink('/dev/zero', temporary.join('endless'))
    const paths = [await fifo('pipe'), temporary.join('folder'), temporary.join('endless'), '/dev/tty']
    for (const path of paths) {
      const { message } = await expectCode(() => read(path), 'read_error')
      expect(message).toBe(`${path}: not a regular file`)
      await expectCode(() => isFile(path), 'read_error')
      expect(readSmallFile(path, 1000)).toBeUndefined()
    }
  })

  it('that is not there is missing', async () => {
    await symlink('nowhere', temporary.join('dangling'))
    for (const path of [temporary.join('absent'), temporary.join('dangling')]) {
      await expectCode(() => read(path), 'missing_file')
      expect(await isFile(path)).toBe(false)
      expect(readSmallFile(path, 1000)).toBeUndefined()
    }
  })

  it('is read in pieces, and noticed when it is cut meanwhile', async () => {
    const path = temporary.join('large')
    await writeFile(path, Buffer.alloc(1_000_000, 'x'))
    const sizes = await withFile(path, async (file) => {
      const found: number[] = []
      for await (const piece of readPieces(file, 10)) found.push(piece.length)
      return found
    })
    expect(sizes.reduce((sum, size) => sum + size)).toBe(999_990)
    expect(Math.max(...sizes)).toBeLessThan(300_000)
    const reading = withFile(path, async (file) => {
      for await (const _ of readPieces(file)) await truncate(path, 300_000)
    })
    await expectCode(() => reading, 'truncated')
  })

  it('that stands for one in Git LFS says so, and what to do', async () => {
    const path = temporary.join('pointer')
    await writeFile(
      path,
      `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 10894464\n`,
    )
    const { message } = await expectCode(() => read(path), 'unsupported_format')
    expect(message).toMatch(/a Git LFS pointer of 133 bytes, .* run "git lfs install" and "git lfs pull"/)
  })
})
