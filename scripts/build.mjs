// Builds the addon into build/Release with every core. `npm ci` runs this through "prepare". All that it says goes to stderr, so that
// `npm ci && npm start ... > file` holds the text alone.
import { availableParallelism } from 'node:os'
import { dropUnusableBuild } from './build-folder.mjs'
import { runBuild } from './run-build.mjs'

dropUnusableBuild('build')
const parallel = ['--parallel', String(availableParallelism())]
const built = await runBuild('native core', 'cmake-js', ['build', '--log-level', 'warn', ...parallel])
process.exit(built ? 0 : 1)
