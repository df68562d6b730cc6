#!/usr/bin/env node
import { run } from './run.js'

// A reader that has seen enough, such as `head`, closes the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})

run(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode
})
