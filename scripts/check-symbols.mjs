// Two properties of what the linker was given and gave:
// - Objects built for an instruction set export no weak symbols. The linker keeps one copy of a weak function, whichever
//   comes first, and could hand AVX-512 code to an old processor.
// - The addon and, where it is built, the CUDA library need no newer glibc than README and guides say, all of them the same one, nobody's
//   libstdc++, and nothing of NVIDIA's.
// usage: check-symbols.mjs [build folder] [root of README.md and docs/]
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isOfTheSystem, libraryNeeds } from './library-needs.mjs'
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
const cuda = join(build, 'libquern_cuda.so')
const promised = promisedGlibc()

/** What a library may not ask of the system; gives the glibc that it asks for. */
function checkNeeds(path) {
  const name = basename(path)
  const { libraries, versions } = libraryNeeds(path)
  const own = versions.filter(({ of }) => of === 'GLIBCXX' || of === 'CXXABI')
  if (own.length > 0) {
    problems.push(
      `${name} needs the system's libstdc++ (${own.map(({ of, version }) => `${of}_${version}`).join(', ')}): ` +
        'it must have its own, so the compiler needs libstdc++.a',
    )
  }
  for (const library of libraries)
    if (!isOfTheSystem(library) && own.length === 0) problems.push(`${name} needs ${library}`)
  const glibc = newest(versions.filter(({ of }) => of === 'GLIBC').map(({ version }) => version))
  if (glibc !== undefined && newest([glibc, promised]) !== promised)
    problems.push(`${name} needs glibc ${glibc}, and README.md says ${promised}`)
  return `${name} needs glibc ${glibc}`
}

if (!existsSync(addon)) problems.push(`${addon}: not built`)
const checked = [addon, cuda].filter((path) => existsSync(path)).map(checkNeeds)

report(
  'symbols',
  problems,
  `${objects.length} kernel objects without weak symbols; ${checked.join(', ')}, and no libstdc++`,
)
