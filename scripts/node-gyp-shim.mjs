#!/usr/bin/env node
// What prebuildify runs in place of `node-gyp rebuild`, which is all it knows: builds with CMake, then lays a copy of the
// addon where prebuildify, run in a folder of its own, looks for it, strips it and moves it away.
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './run.mjs'

if (!run('node', ['scripts/build.mjs'])) process.exit(1)
mkdirSync('build/Release', { recursive: true })
copyFileSync(join(root, 'build/Release/quern.node'), 'build/Release/quern.node')
