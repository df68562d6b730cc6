import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Consumer } from './package-consumer.mjs'
import { root } from './run.mjs'

const judge = '@arethetypeswrong/cli@0.18.5'
const strict = [
  ...['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'],
  ...['--skipLibCheck', 'false', '--target', 'es2022', '--lib', 'es2022', '--types', 'node'],
]

/** How programs are compiled: the module system, and the files, whose endings say which kind they are. */
const compilations = [
  { name: 'nodenext', flags: ['--module', 'nodenext'], files: ['typed.mts', 'typed.cts'] },
  { name: 'node16', flags: ['--module', 'node16'], files: ['typed.mts', 'typed.cts'] },
  { name: 'bundler', flags: ['--module', 'esnext', '--moduleResolution', 'bundler'], files: ['bundled.ts'] },
]

/** The program that serves. */
const ofServer = {
  name: 'server',
  flags: ['--module', 'nodenext'],
  files: ['typed-server.mts', 'typed-server.cts'],
}

/** The oldest and the newest TypeScript that the guide names. */
function versions() {
  const guide = readFileSync(join(root, 'docs/getting-started.md'), 'utf8')
  const [, oldest, newest] = /TypeScript (\d+\.\d+) to (\d+\.\d+)/.exec(guide) ?? []
  if (!newest) throw new Error('docs/getting-started.md names no "TypeScript a.b to c.d"')
  return [oldest, newest]
}

/** What is wrong with the types of the package: as arethetypeswrong sees them, and as strict programs do, which are run as well. */
export function packageTypes(temp, tarball) {
  const problems = []
  const judging = new Consumer(join(temp, 'judge'))
  judging.install(judge, '--ignore-scripts')
  const verdict = judging.run('attw', '--profile', 'node16', '--no-color', tarball)
  if (!verdict.passed) problems.push(`attw: ${verdict.said}`)

  for (const version of versions()) {
    const consumer = new Consumer(join(temp, `typescript-${version}`))
    consumer.install(tarball, `typescript@${version}`, '@types/node@20', '--ignore-scripts')
    const isNewest = version === versions().at(-1)
    for (const { name, flags, files } of isNewest ? [...compilations, ofServer] : compilations) {
      const where = `TypeScript ${version}, ${name}`
      const source = name === ofServer.name ? 'typed-server.ts' : 'typed.ts'
      for (const file of files) copyFileSync(join(root, 'test/package', source), join(consumer.folder, file))
      const compiled = consumer.run('tsc', ...strict, ...flags, '--outDir', name, ...files)
      if (!compiled.passed) problems.push(`${where}: ${compiled.said}`)
      else console.log(`  ${where}: ${files.join(', ')} compile`)
      if (!compiled.passed || name === 'bundler') continue
      for (const file of files) {
        const ran = consumer.run('node', join(name, file.replace('ts', 'js')))
        if (!ran.passed || ran.stdout === '') problems.push(`${where}: ${file} does not run: ${ran.said}`)
      }
    }
  }
  return problems
}
