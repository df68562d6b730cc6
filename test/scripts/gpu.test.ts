// scripts/gpu.sh with programs that stand for those of a machine with a GPU: whatever becomes of one, the rest is run, and said.
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../model/temporary.js'

const temporary = temporaryFolder()
const script = fileURLToPath(new URL('../../scripts/gpu.sh', import.meta.url))

interface Results {
  device: string
  code: string
  failed: number
  parts: { part: string; outcome: string; about: string }[]
  goldens: unknown[]
}

/** A checkout whose build makes these programs, each a line of shell. Gives what the script leaves behind. */
function run(name: string, tests: Record<string, string>, programs: Record<string, string>, seconds: number) {
  const root = temporary.join(name)
  const bin = join(root, 'bin')
  const folders = ['scripts', 'bin', 'made', 'cases', 'test/native/backend/cuda', 'test/native/emulator']
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true })
  copyFileSync(script, join(root, 'scripts/gpu.sh'))
  const program = (path: string, text: string) => {
    writeFileSync(path, `#!/bin/sh\n${text}\n`)
    chmodSync(path, 0o755)
  }
  for (const test of Object.keys(tests))
    writeFileSync(join(root, `test/native/backend/cuda/${test}_test.cc`), '')
  for (const [test, text] of Object.entries(tests))
    if (text !== '') program(join(root, `made/gpu.backend.cuda.${test}`), text)
  for (const [made, text] of Object.entries(programs)) program(join(root, 'made', made), text)
  program(
    join(bin, 'nvidia-smi'),
    'case "$*" in *name*) echo "A GPU";; *driver*) echo 580.1;; *) echo 9.0;; esac',
  )
  program(join(bin, 'cmake'), `case "$1" in --build) cp ${join(root, 'made')}/* "$2"; echo built;; esac`)
  program(join(bin, 'compute-sanitizer'), 'echo "========= ERROR SUMMARY: 0 errors"')
  const { status, stdout } = spawnSync('bash', [join(root, 'scripts/gpu.sh'), join(root, 'results')], {
    env: {
      PATH: [bin, process.env.PATH].join(delimiter),
      QUERN_GPU_SECONDS: String(seconds),
      QUERN_GOLDENS: join(root, 'cases'),
    },
    encoding: 'utf8',
  })
  const results = JSON.parse(readFileSync(join(root, 'results/results.json'), 'utf8')) as Results
  const outcomes = Object.fromEntries(results.parts.map(({ part, outcome }) => [part, outcome]))
  return { status, stdout, results, outcomes }
}

const passing = 'echo "0 failures in 3 tests"'

it('runs everything, and ends with a table', () => {
  const { status, stdout, results, outcomes } = run(
    'good',
    { products: passing, attention: passing },
    {
      'libquern_cuda.so': 'a library',
      'test.goldens': 'echo \'{"golden": "a"}\' >> "$QUERN_RESULTS"; echo "$QUERN_TEST_DEVICE"',
      'bench.cuda': 'echo 400 tokens/s',
    },
    100,
  )
  expect(outcomes).toEqual({
    configure: 'ok',
    build: 'ok',
    'backend.cuda.attention': 'ok',
    'backend.cuda.products': 'ok',
    goldens: 'ok',
    bench: 'ok',
    'memcheck backend.cuda.attention': 'ok',
    'memcheck backend.cuda.products': 'ok',
    'racecheck backend.cuda.attention': 'ok',
    'racecheck backend.cuda.products': 'ok',
    'compute-sanitizer': 'ok',
  })
  expect(results).toMatchObject({ device: 'A GPU', code: 'sm_90a', failed: 0, goldens: [{ golden: 'a' }] })
  expect(results.parts.find(({ part }) => part === 'goldens')?.about).toMatch(/\/libquern_cuda\.so$/)
  expect(stdout).toMatch(/\nA GPU, driver 580\.1, sm_90a: \d+ s, 0 failed; [\s\S]*400 tokens\/s\n$/)
  expect(status).toBe(0)
})

it('goes on after what fails, hangs, or was not built, and says so', () => {
  const { status, results, outcomes } = run(
    'bad',
    {
      a_bad: 'printf \'a "quote" \\\\ \\033[1m \\t\\n\'; exit 1',
      b_absent: '',
      c_good: passing,
      d_hangs: 'sleep 100',
    },
    {},
    12,
  )
  expect(outcomes).toMatchObject({
    'backend.cuda.a_bad': 'FAILED',
    'backend.cuda.b_absent': 'FAILED',
    'backend.cuda.c_good': 'ok',
    'backend.cuda.d_hangs': 'FAILED',
    goldens: 'FAILED',
    bench: 'FAILED',
  })
  expect(results.parts.find(({ part }) => part === 'backend.cuda.d_hangs')?.about).toMatch(/^ended after/)
  expect(results.failed).toBe(5)
  expect(status).toBe(1)
})

/** With arguments that it must refuse, in a checkout of its own. `rm` is one that writes down what it is told. */
function refused(name: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const root = temporary.join(name)
  for (const folder of ['scripts', 'bin']) mkdirSync(join(root, folder), { recursive: true })
  copyFileSync(script, join(root, 'scripts/gpu.sh'))
  writeFileSync(join(root, 'a-file'), '')
  for (const program of ['rm', 'nvidia-smi']) {
    writeFileSync(join(root, 'bin', program), `#!/bin/sh\necho "$0" "$@" >> "${join(root, 'called')}"\n`)
    chmodSync(join(root, 'bin', program), 0o755)
  }
  const { status, stdout, stderr } = spawnSync('bash', [join(root, 'scripts/gpu.sh'), ...args], {
    env: { PATH: [join(root, 'bin'), process.env.PATH].join(delimiter), ...env },
    encoding: 'utf8',
  })
  expect(existsSync(join(root, 'called'))).toBe(false)
  expect(existsSync(join(root, 'build'))).toBe(false)
  return { status, stdout, stderr }
}

const usage = 'usage: gpu.sh [--emulated] [folder for results]\n'

it.each([
  ['an unknown flag', ['--nonsense'], 'expected --emulated or a folder, got --nonsense'],
  ['one after a known one', ['--emulated', '--nonsense'], 'expected --emulated or a folder, got --nonsense'],
  ['two folders', ['one', 'two'], 'expected one folder for results, got 2: one two'],
  ['an empty name', [''], 'expected a folder for results, got an empty name'],
  [
    'a folder that cannot be made',
    ['a-file/results'],
    'the folders for results and for the build cannot be made',
  ],
])('begins nothing and removes nothing with %s', (name, args, message) => {
  const { status, stdout, stderr } = refused(name, args, { QUERN_GPU_BUILD: 'elsewhere' })
  expect(stderr).toContain(`gpu.sh: ${message}\n${usage}`)
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
})

it('refuses seconds that are no number', () => {
  const { status, stderr } = refused('seconds', [], { QUERN_GPU_SECONDS: 'soon' })
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: `gpu.sh: expected whole seconds in QUERN_GPU_SECONDS, got soon\n${usage}`,
  })
})

it('tells its usage', () => {
  expect(refused('help', ['--help'])).toEqual({ status: 0, stdout: usage, stderr: '' })
})
