// Packs what is published: the files that package.json names, and a package.json that says only what users need. npm warns of the script
// "prepare" whoever installs a tarball that has it. `npm publish` takes the tarball.
// usage: pack.mjs [folder]
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { root } from './run.mjs'

const destination = resolve(process.argv[2] ?? root)
const stage = join(root, 'build/package')
const npmPack = (folder, ...args) =>
  JSON.parse(
    execFileSync('npm', ['pack', '--ignore-scripts', '--json', ...args], { cwd: folder, encoding: 'utf8' }),
  )[0]

rmSync(stage, { recursive: true, force: true })
for (const { path } of npmPack(root, '--dry-run').files) {
  mkdirSync(dirname(join(stage, path)), { recursive: true })
  cpSync(join(root, path), join(stage, path))
}
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { scripts, devDependencies, binary, ...published } = manifest
writeFileSync(join(stage, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
const { filename } = npmPack(stage, '--pack-destination', destination)
rmSync(stage, { recursive: true })
console.log(join(destination, filename))
