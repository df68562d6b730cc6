// Python packages that tests use: CI installs each into a folder of its own under build/.
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { requirePresent } from '../require-present.js'

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))

export class PythonPackage {
  readonly isPresent: boolean
  readonly #module: string
  readonly #install: string
  readonly #environment: NodeJS.ProcessEnv

  /**
   * @param module Its name in Python, and of its folder.
   * @param requirements The file, beside this one, of what pip installs.
   */
  constructor(module: string, requirements: string) {
    this.#module = module
    const folder = fileURLToPath(new URL(`../../build/${module}`, import.meta.url))
    this.#install = `python3 -m pip install --no-deps --target build/${module} -r test/clients/${requirements}`
    this.#environment = { ...process.env, PYTHONPATH: folder }
    const found = `import ${module}; assert ${module}.__file__.startswith(${JSON.stringify(folder)})`
    this.isPresent = spawnSync('python3', ['-c', found], { env: this.#environment }).status === 0
  }

  /** Registers a test that says whether it is there: its absence is a failure in CI and a visible skip elsewhere. */
  require(): void {
    requirePresent(`Python's ${this.#module}`, this.isPresent ? undefined : this.#install)
  }

  /** Runs a program, in the folder of this file unless another is given, and gives what it prints; rejects where it fails. */
  async run(
    args: string[],
    { cwd = here, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
  ): Promise<string> {
    return (await run('python3', args, { env: { ...this.#environment, ...env }, cwd })).stdout
  }
}
