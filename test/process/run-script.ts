// Small programs in processes of their own, against the built package.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where `import('quern')` and `require('quern')` find this package itself. */
export const packageFolder = fileURLToPath(new URL('../..', import.meta.url))

/** The built entry point; `npm test` builds it before the tests run. */
const distPath = join(packageFolder, 'dist/index.mjs')

/** How a program ended. */
export interface Outcome {
  /** null: a signal ended it. */
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface ScriptOptions {
  /** A CommonJS program instead of a module with top-level await. */
  commonjs?: boolean
  nodeOptions?: string[]
  /** Where it runs. Default: a folder whose name says nothing, as the traces of its errors have it in them. */
  cwd?: string
  /** Milliseconds after which it is killed. Default: 90 s, after which it hangs on however busy a machine. */
  timeout?: number
}

/** Runs the text of a program; `DIST` in it stands for the entry point's path as a string. */
export function runScript(source: string, options: ScriptOptions = {}): Promise<Outcome> {
  if (!existsSync(distPath)) throw new Error(`${distPath} is missing: npm run build:lib makes it`)
  const type = options.commonjs ? 'commonjs' : 'module'
  const program = source.replaceAll('DIST', JSON.stringify(distPath))
  const args = [...(options.nodeOptions ?? []), `--input-type=${type}`, '--eval', program]
  const child = spawn(process.execPath, args, {
    cwd: options.cwd ?? '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeout ?? 90_000,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr })
    })
  })
}
