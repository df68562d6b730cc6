import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { QuernError } from '../errors.js'
import { packageFolder, packageVersion } from '../package.js'

/** The package that has the library which computes on NVIDIA's GPUs: an optional dependency of this one. */
export const cudaPackage = '@quern/cuda-linux-x64'

/**
 * The path of the CUDA library, out of its package as `folder`, that of this package, finds it. Undefined: it is not installed. Throws
 * `device_mismatch` where it belongs to another version.
 */
export function packagedCudaLibrary(folder: string = packageFolder): string | undefined {
  let found: string
  try {
    found = createRequire(join(folder, 'package.json')).resolve(`${cudaPackage}/package.json`)
  } catch {
    return undefined
  }
  const { version } = JSON.parse(readFileSync(found, 'utf8')) as { version?: unknown }
  const expected = packageVersion()
  if (version !== expected) {
    throw new QuernError(
      'device_mismatch',
      `expected ${cudaPackage} ${expected}, of the same version as quern, got ${String(version)}: ` +
        `npm install ${cudaPackage}@${expected}`,
      { value: version },
    )
  }
  const library = join(dirname(found), 'libquern_cuda.so')
  return existsSync(library) ? library : undefined
}
