// Packs what is published: the files that package.json names, and a package.json that says only what users need. npm warns of the script
// "prepare" whoever installs a tarball that has it. `npm publish` takes the tarball. Beside it goes the package of the CUDA library, where that
// is built: of the same version, which quern then asks for as an optional dependency. (In the checkout's own package.json that would be one
// which no registry has and no lock file knows, and `npm ci` refuses such a lock.)
// usage: pack.mjs [folder] [CUDA library]
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { isOfTheSystem, libraryNeeds } from './library-needs.mjs'
import { root } from './run.mjs'

const mostCudaBytes = 25e6
const mostBytes = 60e6

const destination = resolve(process.argv[2] ?? root)
const cudaFolder = join(root, 'packages/cuda-linux-x64')
const cudaLibrary = resolve(process.argv[3] ?? join(cudaFolder, 'libquern_cuda.so'))
const stage = join(root, 'build/package')

const npmPack = (folder, ...args) =>
  JSON.parse(
    execFileSync('npm', ['pack', '--ignore-scripts', '--json', ...args], { cwd: folder, encoding: 'utf8' }),
  )[0]
const readManifest = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
const writeManifest = (manifest) =>
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)

/** Packs what `fill` puts into an empty folder. */
function pack(fill) {
  rmSync(stage, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  fill()
  const packed = npmPack(stage, '--pack-destination', destination)
  rmSync(stage, { recursive: true })
  return packed
}

const { scripts, devDependencies, binary, ...published } = readManifest(root)

function packCuda() {
  const problems = libraryNeeds(cudaLibrary)
    .libraries.filter((library) => !isOfTheSystem(library))
    .map((library) => `it needs ${library}`)
  const { name, ...about } = readManifest(cudaFolder)
  const packed = pack(() => {
    writeManifest({ name, version: published.version, ...about })
    copyFileSync(join(cudaFolder, 'README.md'), join(stage, 'README.md'))
    copyFileSync(join(root, 'LICENSE'), join(stage, 'LICENSE'))
    copyFileSync(cudaLibrary, join(stage, 'libquern_cuda.so'))
  })
  if (packed.unpackedSize > mostCudaBytes)
    problems.push(`it takes ${packed.unpackedSize} bytes, at most ${mostCudaBytes}`)
  if (problems.length > 0) throw new Error(`${cudaLibrary}: ${problems.join('; ')}`)
  published.optionalDependencies = { [name]: published.version }
  return packed
}

const packed = existsSync(cudaLibrary) ? [packCuda()] : []
packed.unshift(
  pack(() => {
    for (const { path } of npmPack(root, '--dry-run').files) {
      mkdirSync(dirname(join(stage, path)), { recursive: true })
      cpSync(join(root, path), join(stage, path))
    }
    writeManifest(published)
  }),
)
const bytes = packed.reduce((sum, { unpackedSize }) => sum + unpackedSize, 0)
if (bytes > mostBytes) throw new Error(`the packages take ${bytes} bytes, at most ${mostBytes}`)
for (const { filename } of packed) console.log(join(destination, filename))
