// The clients that the server is tested with have a package.json of their own.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Whether npm's clients are there: vitest leaves their tests out where they are not. */
export const clientsInstalled = existsSync(fileURLToPath(new URL('node_modules', import.meta.url)))
