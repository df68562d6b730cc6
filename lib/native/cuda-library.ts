import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { QuernError } from '../errors.js'
import { packageFolder, packageVersion } from '../package.js'

/** The package that has the library which computes on NVIDIA's GPUs: an optional dependency of this one. */
export const cudaPackage = '@quern/cuda-linux-x64'

/**
 * The path of the CUDA library, out of its package as `folder`, that of this package, finds it. Undefined: it is not installed. Throws
 * `device_mismatch` where it belongs to another version, `no_device` where it is damaged.
 */
export function packagedCudaLibrary(folder: string = packageFolder): string | undefined {
  const expected = packageVersion()
  const again = `install it again: npm install ${cudaPackage}@${expected}`
  const damaged = (what: string, value: string, cause?: unknown) =>
    new QuernError('no_device', `the package ${cudaPackage} is damaged, ${what}: ${again}`, { value, cause })
  let found: string
  let version: unknown
  try {
    found = createRequire(join(folder, 'package.json')).resolve(`${cudaPackage}/package.json`)
    version = (JSON.parse(readFileSync(found, 'utf8')) as { version?: unknown }).version
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw damaged('its package.json cannot be read', String(error), error)
  }
  if (version !== expected) {
    throw new QuernError(
      'device_mismatch',
      `expected ${cudaPackage} ${expected}, of the same version as quern, got ${String(version)}: ` +
        `npm install ${cudaPackage}@${expected}`,
      { value: version },
    )
  }
  const library = join(dirname(found), 'libquern_cuda.so')
  if (!existsSync(library)) throw damaged(`${library} is missing`, library)
  return library
}
