// Makes prebuilds/<platform>-<arch>/quern.node, the stripped addon that the package ships. build/ stays as it is.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './run.mjs'

const workplace = join(root, 'build/prebuildify')
const shim = join(root, 'scripts/node-gyp-shim.mjs')

rmSync(join(root, 'prebuilds'), { recursive: true, force: true })
mkdirSync(workplace, { recursive: true })
const where = ['--cwd', workplace, '--out', root]
const made = run('prebuildify', ['--napi', '--strip', '--name', 'quern', '--node-gyp', shim, ...where])
process.exit(made ? 0 : 1)
