import { fileURLToPath } from 'node:url'

/** The folder of the model that comes with the package; lib/ and dist/ lie equally deep. */
export function bundledModelPath(): string {
  return fileURLToPath(new URL('../../models/tiny', import.meta.url))
}
