import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Somebody's project: a folder with a package.json, and what npm puts into it. */
export class Consumer {
  constructor(folder) {
    this.folder = folder
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  }

  /** Installs packages beside those that are there; gives what npm says. */
  install(...packages) {
    const args = ['install', '--no-audit', '--no-fund', '--no-update-notifier', ...packages]
    const { status, stdout, stderr } = spawnSync('npm', args, { cwd: this.folder, encoding: 'utf8' })
    if (status !== 0) throw new Error(`npm ${args.join(' ')}: ${stderr}`)
    return stdout + stderr
  }

  /** Runs a program of node_modules/.bin, or Node itself. */
  run(command, ...args) {
    const program = command === 'node' ? process.execPath : join(this.folder, 'node_modules/.bin', command)
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      cwd: this.folder,
      encoding: 'utf8',
      timeout: 300_000,
    })
    return { passed: status === 0, stdout, said: `${stdout}${stderr}${error?.message ?? ''}`.trim() }
  }
}
