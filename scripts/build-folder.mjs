import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './run.mjs'

/**
 * Removes a build folder that CMake can't go on with: one made where the checkout lay before it was moved or copied, whose absolute paths
 * lead there, or one whose first configuration was interrupted.
 */
export function dropUnusableBuild(folder) {
  const cache = join(root, folder, 'CMakeCache.txt')
  if (!existsSync(cache)) return
  const [, source] = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8')) ?? []
  const isHere = source !== undefined && existsSync(source) && realpathSync(source) === realpathSync(root)
  const isWhole = ['build.ninja', 'Makefile'].some((name) => existsSync(join(root, folder, name)))
  if (!isHere || !isWhole) rmSync(join(root, folder), { recursive: true })
}
