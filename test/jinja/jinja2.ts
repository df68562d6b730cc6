// Jinja2 itself, as the judge: a Python process that renders what it is sent.
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { requirePresent } from '../require-present.js'

const script = fileURLToPath(new URL('reference.py', import.meta.url))
/** Where CI installs it: python3 -m pip install --target build/jinja2 jinja2==3.1.6 */
const installed = fileURLToPath(new URL('../../build/jinja2', import.meta.url))
const environment = { ...process.env, PYTHONPATH: installed, PYTHONHASHSEED: '0', LC_ALL: 'C' }

export const jinja2Present =
  spawnSync('python3', ['-c', 'import jinja2; assert jinja2.__version__.startswith("3.1.")'], {
    env: environment,
  }).status === 0

/** Registers a test that says whether Jinja2 is there: its absence is a failure in CI and a visible skip elsewhere. */
export function requireJinja2(): void {
  const install = 'python3 -m pip install --target build/jinja2 jinja2==3.1.6'
  requirePresent('Jinja2', jinja2Present ? undefined : install)
}

export interface Rendered {
  text?: string
  error?: string
  /** What the reference ran out of: then there is nothing to compare with. */
  limit?: 'memory' | 'time' | 'text'
}

export interface Answers {
  names: { filters: string[]; tests: string[] }
  rendered: Rendered[]
}

/** What Jinja2 makes of the templates with these variables, in one process. */
export function renderWithJinja2(templates: string[], variables: Record<string, unknown>): Promise<Answers> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', [script], { env: environment, stdio: ['pipe', 'pipe', 'inherit'] })
    const pieces: Buffer[] = []
    child.stdout.on('data', (piece) => pieces.push(piece))
    child.on('error', reject)
    child.stdin.on('error', reject)
    child.on('close', (code) => {
      if (code !== 0) return reject(new Error(`the reference ended with ${code}`))
      try {
        const lines = Buffer.concat(pieces).toString('utf8').trimEnd().split('\n')
        const [names, ...rendered] = lines.map((line) => JSON.parse(line))
        resolve({ names, rendered })
      } catch (error) {
        reject(error)
      }
    })
    child.stdin.write(`${JSON.stringify({ variables })}\n`)
    child.stdin.end(templates.map((template) => `${JSON.stringify({ template })}\n`).join(''))
  })
}
