// Everything that must hold before a change lands, cheapest first; stops at the first step that fails.
// usage: npm test [-- --only native,vitest]
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root, run } from './run.mjs'

const vitestReport = 'build/vitest.json'
const script = (name, ...args) => [process.execPath, `scripts/${name}.mjs`, ...args]
const steps = {
  format: script('format', '--check'),
  lint: ['biome', 'lint', '--error-on-warnings'],
  layers: script('check-layers'),
  sizes: script('check-sizes'),
  build: script('build'),
  lib: ['npm', 'run', '--silent', 'build:lib'],
  models: script('make-models-guide', '--check'),
  types: ['tsc', '--noEmit'],
  'page types': ['tsc', '--noEmit', '--project', 'web'],
  symbols: script('check-symbols'),
  binding: script('check-binding'),
  native: script('test-native'),
  vitest: ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${vitestReport}`],
  late: script('test-late'),
  docs: ['typedoc', '--logLevel', 'Warn'],
  snippets: script('check-snippets'),
  examples: script('run-examples'),
}

const { only } = parseArgs({ options: { only: { type: 'string' } } }).values
const chosen = only ? only.split(',') : Object.keys(steps)
const unknown = chosen.filter((name) => !(name in steps))
if (unknown.length > 0) {
  console.error(`no step named ${unknown.join(', ')}; there are ${Object.keys(steps).join(', ')}`)
  process.exit(2)
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`
const started = performance.now()
const timings = []
for (const name of chosen) {
  const began = performance.now()
  console.log(`\n── ${name} ${'─'.repeat(60 - name.length)}`)
  const [command, ...args] = steps[name]
  const passed = run(command, args)
  timings.push(`${name} ${seconds(began)}`)
  if (!passed) {
    console.error(`\n✗ ${name} failed after ${seconds(began)}. Again alone: npm test -- --only ${name}`)
    process.exit(1)
  }
}

console.log(`\n✓ ${timings.join(', ')}; ${seconds(started)} in all`)
if (chosen.includes('vitest')) {
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(join(root, vitestReport), 'utf8'))
  console.log(`${numPassedTests} passed, ${numFailedTests} failed`)
}
