// Builds and runs the native tests: `test-native.mjs` in build/, `test-native.mjs --sanitize` in folders of their own.
import { availableParallelism } from 'node:os'
import { run } from './run.mjs'

const parallel = ['--parallel', String(availableParallelism())]

function test(build, only = []) {
  return (
    run('cmake', ['--build', build, '--target', 'native_tests', ...parallel], { stdio: ['inherit', 2, 2] }) &&
    run('ctest', ['--test-dir', build, '--output-on-failure', '--no-tests=error', ...only])
  )
}

function testSanitized(name, sanitizers, only) {
  const build = `build/${name}`
  const options = [`-DQUERN_SANITIZE=${sanitizers}`, '-DCMAKE_BUILD_TYPE=RelWithDebInfo']
  console.log(`\n${sanitizers}`)
  return (
    run('cmake', ['-S', '.', '-B', build, ...options], { stdio: ['inherit', 'ignore', 2] }) &&
    test(build, only)
  )
}

// The thread sanitizer is for what has threads: the engine, the pool, the backends.
const passed = process.argv.includes('--sanitize')
  ? testSanitized('sanitize-address', 'address,undefined') &&
    testSanitized('sanitize-thread', 'thread', ['--tests-regex', 'engine|thread|backend'])
  : test('build')
process.exit(passed ? 0 : 1)
