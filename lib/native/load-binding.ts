import { QuernError } from '../errors.js'
import { packageFolder, wasMoved } from '../package.js'
import type { NativeBinding } from './binding.js'

let loaded: NativeBinding | undefined

/** QUERN_DEVICE_LIBRARY: the path of a device library that models run on instead of the CPU, for whoever develops one; else ''. */
export function deviceLibrary(): string {
  return process.env.QUERN_DEVICE_LIBRARY ?? ''
}

/** QUERN_CUDA_LIBRARY: the path of a CUDA library in place of the package's, for whoever develops one; else ''. */
export function cudaLibraryOverride(): string {
  return process.env.QUERN_CUDA_LIBRARY ?? ''
}

/** The native addon: the one built here, else the prebuilt one for this platform. It is loaded at the first call. */
export function native(): NativeBinding {
  loaded ??= load()
  return loaded
}

function load(): NativeBinding {
  try {
    const nodeGypBuild = require('node-gyp-build') as (folder: string) => NativeBinding
    return nodeGypBuild(packageFolder)
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, ' ')
    throw new QuernError(
      'native_binding',
      `expected a native binary of quern for ${process.platform} ${process.arch} (Node ${process.versions.node}), got: ${reason}. ` +
        (wasMoved()
          ? 'It runs from a bundle, and no bundler can put a binary into a script: keep quern external, in node_modules; ' +
            'docs/bundlers.md shows how for each bundler.'
          : 'Reinstall quern on this machine (node_modules copied from another system holds the wrong binary), ' +
            'or, in a checkout, run `npm run build:native`.'),
      { value: `${process.platform}-${process.arch}`, cause },
    )
  }
}
