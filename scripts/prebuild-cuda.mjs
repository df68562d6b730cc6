// Makes packages/cuda-linux-x64/libquern_cuda.so: the CUDA library as it is shipped, with code for all GPUs that are served, compressed and
// stripped. Where there is no nvcc it says so and makes nothing. build/ stays as it is.
// usage: prebuild-cuda.mjs [--architectures "80;90a"]
import { execFileSync } from 'node:child_process'
import { copyFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dropUnusableBuild } from './build-folder.mjs'
import { root, run } from './run.mjs'
import { runBuild } from './run-build.mjs'

/** What GPUs are served with compiled code. */
const everything = '80;86;89;90a;100;120'
/** What the driver compiles for GPUs that come later. */
const ptx = '80'

const { architectures } = parseArgs({
  options: { architectures: { type: 'string', default: everything } },
}).values
const folder = 'build/cuda-package'
const library = join(root, 'packages/cuda-linux-x64/libquern_cuda.so')

rmSync(library, { force: true })
if (!run('nvcc', ['--version'], { stdio: 'ignore' })) {
  console.error('no nvcc here: quern is packed without its library for GPUs, and asks for none')
  process.exit(0)
}
dropUnusableBuild(folder)
const options = [
  '-DCMAKE_BUILD_TYPE=Release',
  `-DQUERN_CUDA_ARCHITECTURES=${architectures}`,
  `-DQUERN_CUDA_PTX=${ptx}`,
  '-DQUERN_CUDA_COMPRESS=ON',
]
const quiet = { stdio: ['ignore', 'ignore', 'inherit'] }
const configured = run('cmake', ['-S', root, '-B', join(root, folder), ...options], quiet)
const parallel = ['--parallel', String(availableParallelism())]
const built =
  configured &&
  (await runBuild('CUDA library', 'cmake', ['--build', folder, '--target', 'quern_cuda', ...parallel]))
if (!built) process.exit(1)
copyFileSync(join(root, folder, 'libquern_cuda.so'), library)
execFileSync('strip', ['--strip-unneeded', library])
