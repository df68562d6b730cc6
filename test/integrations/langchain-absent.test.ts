// quern/langchain where its peer was not installed.
import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../model/temporary.js'
import { packageFolder, runScript } from '../process/run-script.js'

const folder = temporaryFolder()

/** A copy of this package, as one that is installed in a folder without any other. */
function installAlone(): string {
  const installed = folder.join('node_modules/quern')
  mkdirSync(join(installed, 'node_modules'), { recursive: true })
  for (const name of ['dist', 'package.json'])
    cpSync(join(packageFolder, name), join(installed, name), { recursive: true })
  symlinkSync(join(packageFolder, 'build'), join(installed, 'build'))
  for (const name of ['node-gyp-build', 'zod', 'hono'])
    symlinkSync(join(packageFolder, 'node_modules', name), join(installed, 'node_modules', name))
  return folder.join()
}

test('says what to install', async () => {
  const cwd = installAlone()
  for (const commonjs of [true, false]) {
    const load = commonjs ? "require('quern/langchain')" : "await import('quern/langchain')"
    const program = `try { ${load} } catch ({ name, code, message }) { console.log(JSON.stringify({ name, code, message })) }`
    const { stdout } = await runScript(program, { commonjs, cwd })
    expect(JSON.parse(stdout)).toEqual({
      name: 'QuernError',
      code: 'missing_file',
      message: 'quern/langchain: @langchain/core is not installed; run npm install @langchain/core',
    })
  }
})
