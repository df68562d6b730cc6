// The CUDA backend on a GPU that is computed (native/emulator), with the kernels that nvcc made: native tests, then models in Node.js as
// `device: 'cuda'`. It takes nvcc; where there is none it says so, and in CI that is a failure.
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { root, run } from './run.mjs'
import { runBuild } from './run-build.mjs'

if (spawnSync('nvcc', ['--version']).error) {
  console.log(
    'not run: the tests of the CUDA backend take nvcc (CUDA 13.0 or newer), which is not on the PATH',
  )
  process.exit(process.env.CI ? 1 : 0)
}
const targets = ['--target', 'quern_cuda', 'quern_cuda_emulated']
const parallel = ['--parallel', String(availableParallelism())]
const built = await runBuild('CUDA on a computed GPU', 'cmake', ['--build', 'build', ...targets, ...parallel])
// Races are the native tests' matter: here models are many times larger.
const env = { QUERN_CUDA_LIBRARY: join(root, 'build/quern_cuda_emulated.so'), QUERN_EMULATOR_CHECK: 'bounds' }
const passed =
  built && run('node', ['scripts/test-native.mjs', '--cuda']) && run('vitest', ['run', 'test/cuda'], { env })
process.exit(passed ? 0 : 1)
