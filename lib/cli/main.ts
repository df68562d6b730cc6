#!/usr/bin/env node
import { run } from './run.js'
import { watchStandardOutput } from './standard-output.js'

watchStandardOutput()

run(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode
})
