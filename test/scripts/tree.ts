import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

const scripts = join(import.meta.dirname, '../../scripts')

/** Writes the files, path → text, into a folder that goes away with the test. */
export function makeTree(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'quern-scripts-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

/** Runs a script of scripts/ and gives what it said, line by line. */
export function runScript(name: string, ...args: string[]): { exitCode: number | null; lines: string[] } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(scripts, name), ...args], {
    encoding: 'utf8',
  })
  return { exitCode: status, lines: `${stdout}${stderr}`.trimEnd().split('\n') }
}
