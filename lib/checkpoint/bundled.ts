import { join } from 'node:path'
import { packageFolder } from '../package.js'

/** The folder of the model that comes with the package. */
export function bundledModelPath(): string {
  return join(packageFolder, 'models/tiny')
}
