import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')

/** The environment of what scripts run: programs of node_modules/.bin are found first. */
export function environment() {
  return { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` }
}

/** Runs a program of node_modules/.bin or of the system in the root folder, with its output shown. True when it exits 0. */
export function run(command, args, options = {}) {
  const env = { ...environment(), ...options.env }
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: options.stdio ?? 'inherit', env })
  if (error) console.error(`${command}: ${error.message}`)
  return status === 0
}
