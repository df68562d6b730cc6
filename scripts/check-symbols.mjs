// Two properties of what the linker was given and gave:
// - Objects built for an instruction set export no weak symbols. The linker keeps one copy of a weak function, whichever
//   comes first, and could hand AVX-512 code to an old processor.
// - The addon runs on systems with glibc 2.34 and the libstdc++ of gcc 12.
// usage: check-symbols.mjs [build folder]
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { report } from './report.mjs'
import { sources } from './sources.mjs'

const build = process.argv[2] ?? join(import.meta.dirname, '../build')
const highest = { GLIBC: '2.34', GLIBCXX: '3.4.30' }
const problems = []

const run = (command, args) => execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 })

const kernelFolders = existsSync(join(build, 'CMakeFiles'))
  ? readdirSync(join(build, 'CMakeFiles')).filter((name) => /^quern_kernels_.*\.dir$/.test(name))
  : []
const objects = kernelFolders.flatMap((folder) => sources(build, `CMakeFiles/${folder}`, ['.o']))
for (const object of objects) {
  // Lines of POSIX nm: name type value size. W and V are weak, u is unique in the whole process.
  for (const line of run('nm', ['-P', '-C', '--defined-only', join(build, object)]).split('\n')) {
    const [, name, type] = /^(.*) ([A-Za-z]) [0-9a-f]+/.exec(line) ?? []
    if (type && 'WVu'.includes(type)) problems.push(`${object}: weak symbol ${name}`)
  }
}
if (objects.length === 0) problems.push(`${build}: no objects of quern_kernels_*; build first`)

function newest(versions) {
  return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
}

const addon = join(build, 'Release/quern.node')
const needs = []
if (existsSync(addon)) {
  const table = run('readelf', ['--version-info', '--wide', addon])
  for (const [library, limit] of Object.entries(highest)) {
    const versions = [...table.matchAll(new RegExp(`Name: ${library}_([0-9.]+)`, 'g'))].map(
      (match) => match[1],
    )
    const needed = newest(versions)
    if (!needed) continue
    needs.push(`${library} ${needed}`)
    if (newest([needed, limit]) !== limit)
      problems.push(`quern.node needs ${library} ${needed}, at most ${limit}`)
  }
} else problems.push(`${addon}: not built`)

report(
  'symbols',
  problems,
  `${objects.length} kernel objects without weak symbols; quern.node needs ${needs.join(', ')}`,
)
