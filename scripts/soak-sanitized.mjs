// A short soak of the whole addon inside Node under AddressSanitizer with UBSan, and under ThreadSanitizer. Node itself is not instrumented:
// leaks are not looked for, and what ThreadSanitizer sees in V8's own job queue is left out.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dropUnusableBuild } from './build-folder.mjs'
import { root, run } from './run.mjs'

const suppressions = join(root, 'build/thread-suppressions.txt')
mkdirSync(join(root, 'build'), { recursive: true })
writeFileSync(
  suppressions,
  'race:v8::platform::DefaultJob\nrace:node::worker::MessagePort\nrace:uv_rwlock_destroy\n',
)

const runtime = (name) => execFileSync('c++', [`-print-file-name=${name}.so`], { encoding: 'utf8' }).trim()

function soak(name, sanitizers, environment) {
  const build = join(root, 'build', name)
  console.log(`\n${sanitizers}, the addon inside Node`)
  dropUnusableBuild(`build/${name}/build`)
  const options = ['--log-level', 'warn', '-O', join(build, 'build'), `--CDQUERN_SANITIZE=${sanitizers}`]
  const args = ['--expose-gc', 'test/soak/soak.mjs', '--minutes', '0.5', '--round-seconds', '5']
  return (
    run('cmake-js', ['build', ...options]) &&
    // Without address randomisation: ThreadSanitizer wants its part of the address space.
    run('setarch', ['-R', process.execPath, ...args], { env: { ...environment, QUERN_PREBUILD: build } })
  )
}

const passed =
  soak('sanitize-addon', 'address,undefined', {
    LD_PRELOAD: `${runtime('libasan')} ${runtime('libubsan')}`,
    ASAN_OPTIONS: 'detect_leaks=0',
    UBSAN_OPTIONS: 'halt_on_error=1',
  }) &&
  soak('sanitize-addon-thread', 'thread', {
    LD_PRELOAD: runtime('libtsan'),
    TSAN_OPTIONS: `suppressions=${suppressions} exitcode=66`,
  })
process.exit(passed ? 0 : 1)
