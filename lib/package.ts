import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The package's own folder; lib/ and dist/ lie equally deep. The sources run under vitest, which gives them a __dirname as CommonJS has. */
export const packageFolder = join(__dirname, '..')

/** The version in package.json. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
    version: string
  }
  return version
}

/** Whether this code is elsewhere than in its package: a bundler has put it into another program. */
export function wasMoved(): boolean {
  try {
    const about: unknown = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'))
    return (about as { name?: unknown } | null)?.name !== 'quern'
  } catch {
    return true
  }
}
