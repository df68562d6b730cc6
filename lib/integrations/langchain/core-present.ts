import { createRequire } from 'node:module'
import { QuernError } from '../../index.js'

// Imported before what needs the package, so that its absence is said in words.
try {
  createRequire(__filename).resolve('@langchain/core/messages')
} catch (cause) {
  const message = 'quern/langchain: @langchain/core is not installed; run npm install @langchain/core'
  throw new QuernError('missing_file', message, { value: '@langchain/core', cause })
}
