import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The folder of an example whose own packages are installed; undefined where they are not. */
export function exampleFolder(name: string): string | undefined {
  const folder = join(root, 'examples', name)
  return existsSync(join(folder, 'node_modules')) ? folder : undefined
}

/** Puts quern and what it depends on into an example, as `npm install quern` would: bundlers treat what a link leads to as their own. */
export function installQuern(example: string): void {
  const installed = join(example, 'node_modules/quern')
  rmSync(installed, { recursive: true, force: true })
  for (const part of ['package.json', 'dist', 'models/tiny', 'build/Release/quern.node'])
    copy(join(root, part), join(installed, part))
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    const to = join(example, 'node_modules', name)
    if (!existsSync(to)) copy(join(root, 'node_modules', name), to)
  }
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to, { recursive: true })
}
