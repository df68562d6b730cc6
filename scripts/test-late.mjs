// What a model says must not depend on its device: the tests that look at tokens and bits once more, on the device of test/native/late,
// which works behind the host as a graphics processor does. Delays by chance make the two overlap differently each time.
import { join } from 'node:path'
import { root, run } from './run.mjs'
import { runBuild } from './run-build.mjs'

const tests = [
  'test/model/attention-sinks.test.ts',
  'test/model/device-library.test.ts',
  'test/model/golden.test.ts',
  'test/model/longrope.test.ts',
  'test/model/quantized-bits.test.ts',
  'test/model/reproducible.test.ts',
  'test/model/tiny.test.ts',
  'test/model/windows.test.ts',
  'test/generation/prefix-cache.test.ts',
  'test/generation/stop.test.ts',
  'test/session',
]

const built = await runBuild('late device', 'cmake', ['--build', 'build', '--target', 'quern_late'])
const env = { QUERN_DEVICE_LIBRARY: join(root, 'build/quern_late.so'), QUERN_LATE_DELAY: '100' }
process.exit(built && run('vitest', ['run', ...tests], { env }) ? 0 : 1)
