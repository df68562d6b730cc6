// Builds the addon into build/Release with every core. `npm ci` runs this through "prepare". What the compiler says goes
// to stderr, so that `npm ci && npx quern ... > file` holds the text alone.
import { availableParallelism } from 'node:os'
import { run } from './run.mjs'

const parallel = ['--parallel', String(availableParallelism())]
const built = run('cmake-js', ['build', '--log-level', 'warn', ...parallel], { stdio: ['inherit', 2, 2] })
process.exit(built ? 0 : 1)
