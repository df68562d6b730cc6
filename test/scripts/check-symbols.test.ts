import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeTree, runScript } from './tree.js'

/** A build folder with one kernel object and an addon, both made of the source. */
function build(source: string, ...options: string[]): string {
  const root = makeTree({ 'kernel.cc': source })
  const objects = join(root, 'CMakeFiles/quern_kernels_avx2.dir/native')
  mkdirSync(objects, { recursive: true })
  mkdirSync(join(root, 'Release'))
  const compile = (...args: string[]) =>
    execFileSync('c++', ['-fPIC', '-std=c++20', join(root, 'kernel.cc'), ...args])
  compile('-c', '-o', join(objects, 'kernel.cc.o'))
  compile('-shared', '-o', join(root, 'Release/quern.node'), ...options)
  return root
}

test('objects without weak symbols are fine', () => {
  const { exitCode, lines } = runScript(
    'check-symbols.mjs',
    build(
      '#include <cstdio>\nnamespace { int twice(int x) { return 2 * x; } }\nvoid f() { std::printf("%d", twice(2)); }',
    ),
  )
  expect(lines).toEqual([
    expect.stringMatching(
      /^symbols: 1 kernel objects without weak symbols; quern.node needs glibc 2\.[0-9.]+, and no libstdc\+\+$/,
    ),
  ])
  expect(exitCode).toBe(0)
})

test('weak symbols are named as the source writes them', () => {
  const { exitCode, lines } = runScript(
    'check-symbols.mjs',
    build('template <class T> T twice(T x) { return 2 * x; }\nint f(int x) { return twice<int>(x); }'),
  )
  expect(lines).toEqual([
    'symbols: 1 problem',
    '  CMakeFiles/quern_kernels_avx2.dir/native/kernel.cc.o: weak symbol int twice<int>(int)',
  ])
  expect(exitCode).toBe(1)
})

test('a C++ library of the system, and a newer glibc than the README has, are named', () => {
  const source = `#include <stdexcept>
    #include <pthread.h>
    int f(int x) { if (x) throw std::runtime_error("x"); return pthread_join(pthread_self(), 0); }`
  const check = (readme: string, guide: string, ...options: string[]) =>
    runScript(
      'check-symbols.mjs',
      build(source, ...options),
      makeTree({ 'README.md': readme, 'docs/guides/a.md': guide }),
    ).lines
  const problems = check('Linux with glibc 2.17', 'glibc 2.17 or newer')
  expect(problems).toContainEqual(
    expect.stringMatching(/^ {2}quern.node needs the system's libstdc\+\+ \(.*(GLIBCXX|CXXABI)_[0-9.]+/),
  )
  expect(problems).toContain('  quern.node needs glibc 2.34, and README.md says 2.17')
  expect(check('glibc 2.34', 'glibc 2.35')).toContain(
    '  docs/guides/a.md says glibc 2.35, and README.md 2.34',
  )
  expect(check('any Linux', 'glibc 2.34')).toContain('  README.md says no "glibc 2.x", which the addon needs')
})

test('an empty build folder is a failure', () => {
  const { exitCode, lines } = runScript('check-symbols.mjs', makeTree({}))
  expect(lines[0]).toBe('symbols: 2 problems')
  expect(exitCode).toBe(1)
})
