// Builds and runs the native tests: plainly in build/, or with sanitizers in folders of their own. Those of the CUDA backend, and of the GPU
// that is computed to run it, need nvcc and are run apart: --cuda.
// usage: test-native.mjs [--cuda | --address | --sanitize] [--tests-regex names of tests]
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dropUnusableBuild } from './build-folder.mjs'
import { root, run } from './run.mjs'
import { runBuild } from './run-build.mjs'

const cores = availableParallelism()
const parallel = ['--parallel', String(cores)]
const flag = { type: 'boolean' }
const options = { cuda: flag, address: flag, sanitize: flag, 'tests-regex': { type: 'string' } }
const { cuda, address, sanitize, 'tests-regex': chosen } = parseArgs({ options }).values

/** Seconds after which a test hangs, on however busy a machine: the longest take 8 on two free cores. */
const hang = 300

/** The goldens as test.goldens reads them, where there are any. They need the built library. */
function writeGoldens() {
  const needed = ['../shared/golden/models', 'dist/index.mjs']
  return !needed.every((path) => existsSync(join(root, path))) || run('node', ['scripts/gpu-cases.mjs'])
}

async function test(build, only, slowdown = 1) {
  const targets = ['--target', cuda ? 'cuda_tests' : 'native_tests']
  if (!(await runBuild('native tests', 'cmake', ['--build', build, ...targets, ...parallel]))) return false
  if (!writeGoldens()) return false
  const options = ['--test-dir', build, '--output-on-failure', '--no-tests=error', ...parallel]
  const labels = [cuda ? '--label-regex' : '--label-exclude', '^cuda$']
  const filter = only ? ['--tests-regex', only] : []
  return run('ctest', [...options, '--timeout', String(hang * slowdown), ...labels, ...filter])
}

async function testSanitized(name, sanitizers, only) {
  const build = `build/${name}`
  const options = [`-DQUERN_SANITIZE=${sanitizers}`, '-DCMAKE_BUILD_TYPE=RelWithDebInfo']
  console.log(`\n${sanitizers}`)
  dropUnusableBuild(build)
  return (
    run('cmake', ['-S', '.', '-B', build, ...options], { stdio: ['inherit', 'ignore', 2] }) &&
    test(build, only, 6)
  )
}

const withAddress = () => testSanitized('sanitize-address', 'address,undefined', chosen)
// This sanitizer is for what has threads: the engine, the pool, the backends.
const withThread = () =>
  testSanitized('sanitize-thread', 'thread', chosen ?? 'engine|thread|backend|side_by_side')

async function passes() {
  if (address) return withAddress()
  if (sanitize) return (await withAddress()) && (await withThread())
  return test('build', chosen)
}
process.exit((await passes()) ? 0 : 1)
