import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** Whether a build folder, which CMake configured for the source folder, is kept. */
async function isKept(source: string, ...files: string[]): Promise<boolean> {
  const { dropUnusableBuild } = await import(join(root, 'scripts/build-folder.mjs'))
  const folder = `build/test-${process.pid}`
  onTestFinished(() => rmSync(join(root, folder), { recursive: true, force: true }))
  mkdirSync(join(root, folder), { recursive: true })
  writeFileSync(
    join(root, folder, 'CMakeCache.txt'),
    `# a comment\nCMAKE_HOME_DIRECTORY:INTERNAL=${source}\nA:BOOL=ON\n`,
  )
  for (const name of files) writeFileSync(join(root, folder, name), '')
  dropUnusableBuild(folder)
  return existsSync(join(root, folder))
}

test('a build folder of this checkout is kept', async () => {
  expect(await isKept(root, 'build.ninja')).toBe(true)
  expect(await isKept(root, 'Makefile')).toBe(true)
})

test('one that came along when the checkout was moved or copied is dropped', async () => {
  expect(await isKept('/where/it/was', 'build.ninja')).toBe(false)
  expect(await isKept(join(root, 'test'), 'build.ninja')).toBe(false)
})

test('one whose configuration was interrupted is dropped', async () => {
  expect(await isKept(root)).toBe(false)
})
