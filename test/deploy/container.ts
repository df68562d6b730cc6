// Runs what image.ts made as a container engine would: in processes, mounts and a network of its own, as the image's user.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Image, inFolder } from './image.js'

const run = promisify(execFile)

/** Everything that the image's processes do may be undone with it: it sees no network but its own loopback. */
export class Container {
  readonly #image: Image
  readonly #process: ChildProcess
  readonly #exit: Promise<number | null>
  #said = ''

  constructor(image: Image, ...args: string[]) {
    this.#image = image
    const { entrypoint, command, root } = image
    const own = ['--net', '--pid', '--mount', '--ipc', '--uts', '--fork', '--kill-child']
    const begin = `ip link set lo up && mount -t proc proc '${join(root, 'proc')}' && exec "$@"`
    const inside = this.#asUser([...entrypoint, ...(args.length > 0 ? args : command)])
    this.#process = spawn('unshare', [...own, '/bin/sh', '-c', begin, 'sh', ...inside], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH },
    })
    this.#exit = once(this.#process, 'exit').then(([code]) => code)
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (text) => {
        this.#said += text
      })
  }

  get said(): string {
    return this.#said
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null
  }

  /** The number that the container's first process has outside of it. */
  get pid(): number | undefined {
    const { pid } = this.#process
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return children === '' ? undefined : Number(children.split(' ')[0])
  }

  /** Runs a command as `docker exec` does. */
  async exec(command: readonly string[]): Promise<string> {
    const flags = ['--target', `${this.pid}`, '--net', '--pid', '--mount']
    const { stdout } = await run('nsenter', [...flags, ...this.#asUser(command)])
    return stdout
  }

  /** A request from beside it, to its address. */
  async fetch(path: string, body?: object): Promise<{ status: number; text: string }> {
    const json = ['-H', 'Content-Type: application/json', '-d', JSON.stringify(body)]
    const url = `http://127.0.0.1:${this.#image.ports[0]}${path}`
    const flags = ['--target', `${this.pid}`, '--net']
    const curl = ['curl', '-sS', '-w', '\n%{http_code}', url, ...(body ? json : [])]
    const { stdout } = await run('nsenter', [...flags, ...curl])
    const end = stdout.lastIndexOf('\n')
    return { status: Number(stdout.slice(end + 1)), text: stdout.slice(0, end) }
  }

  /** As `docker stop`: a signal for the first process, which should end with what it begins. */
  async stop(): Promise<number | null> {
    if (this.pid !== undefined) process.kill(this.pid, 'SIGTERM')
    return this.#exit
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #asUser(command: readonly string[]): string[] {
    const { root, env, folder, user } = this.#image
    const variables = Object.entries({ ...env, HOME: folder }).map(([name, value]) => `${name}=${value}`)
    return ['env', '-i', ...variables, 'chroot', `--userspec=${user}`, root, ...inFolder(folder, command)]
  }
}
