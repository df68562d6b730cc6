import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { QuernError } from '../errors.js'
import type { NativeBinding } from './binding.js'

let loaded: NativeBinding | undefined

/** The native addon: the one built here, else the prebuilt one for this platform. It is loaded at the first call. */
export function native(): NativeBinding {
  loaded ??= load()
  return loaded
}

function load(): NativeBinding {
  const packageRoot = fileURLToPath(new URL('../..', import.meta.url))
  const require = createRequire(import.meta.url)
  try {
    const nodeGypBuild = require('node-gyp-build') as (folder: string) => NativeBinding
    return nodeGypBuild(packageRoot)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new QuernError(
      'native_binding',
      `expected a native binary of quern for ${process.platform} ${process.arch} (Node ${process.versions.node}), got: ${reason}. ` +
        'Reinstall quern on this machine (node_modules copied from another system holds the wrong binary), ' +
        'or, in a checkout, run `npm run build:native`.',
      { value: `${process.platform}-${process.arch}`, cause },
    )
  }
}
