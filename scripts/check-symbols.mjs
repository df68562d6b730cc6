// Two properties of what the linker was given and gave:
// - Objects built for an instruction set export no weak symbols. The linker keeps one copy of a weak function, whichever
//   comes first, and could hand AVX-512 code to an old processor.
// - The addon needs no newer glibc than README and guides say, all of them the same one, and nobody's libstdc++.
// usage: check-symbols.mjs [build folder] [root of README.md and docs/]
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { report } from './report.mjs'
import { sources } from './sources.mjs'

const build = process.argv[2] ?? join(import.meta.dirname, '../build')
const root = process.argv[3] ?? join(import.meta.dirname, '..')
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

/** The glibc that README and guides ask for. */
function promisedGlibc() {
  const pages = ['README.md', 'CONTRIBUTING.md', ...sources(root, 'docs', ['.md'])]
  const said = pages
    .filter((page) => existsSync(join(root, page)))
    .flatMap((page) => {
      const found = readFileSync(join(root, page), 'utf8').matchAll(/glibc (\d+\.\d+)/g)
      return [...found].map(([, version]) => ({ page, version }))
    })
  if (said[0]?.page !== 'README.md') problems.push('README.md says no "glibc 2.x", which the addon needs')
  for (const { page, version } of said.slice(1)) {
    if (version !== said[0].version)
      problems.push(`${page} says glibc ${version}, and ${said[0].page} ${said[0].version}`)
  }
  return said[0]?.version ?? '0'
}

const addon = join(build, 'Release/quern.node')
const promised = promisedGlibc()
let glibc
if (existsSync(addon)) {
  const table = run('readelf', ['--version-info', '--wide', addon])
  const needs = [...table.matchAll(/Name: ([A-Z]+)_([0-9.]+)/g)].map(([, library, version]) => ({
    library,
    version,
  }))
  const own = needs.filter(({ library }) => library === 'GLIBCXX' || library === 'CXXABI')
  if (own.length > 0) {
    problems.push(
      `quern.node needs the system's libstdc++ (${own.map(({ library, version }) => `${library}_${version}`).join(', ')}): ` +
        'it must have its own, so the compiler needs libstdc++.a',
    )
  }
  glibc = newest(needs.filter(({ library }) => library === 'GLIBC').map(({ version }) => version))
  if (glibc !== undefined && newest([glibc, promised]) !== promised)
    problems.push(`quern.node needs glibc ${glibc}, and README.md says ${promised}`)
} else problems.push(`${addon}: not built`)

report(
  'symbols',
  problems,
  `${objects.length} kernel objects without weak symbols; quern.node needs glibc ${glibc}, and no libstdc++`,
)
