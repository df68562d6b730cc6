// A server in a process of its own, whose event loop and memory can be measured from here.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ModelStats } from '../../lib/index.js'
import type { ServeOptions } from '../../lib/server/index.js'

const dist = fileURLToPath(new URL('../../dist/', import.meta.url))

const program = `
  import { monitorEventLoopDelay } from 'node:perf_hooks'
  import { load } from ${JSON.stringify(`${dist}index.mjs`)}
  import { serve } from ${JSON.stringify(`${dist}server/index.mjs`)}
  const model = await load(undefined, { threads: 1, kvCache: { maxBytes: 256 * 2 ** 20 } })
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const server = await serve({ models: { tiny: model }, port: 0, ...JSON.parse(process.env.OPTIONS) })
  process.on('message', async (asked) => {
    if (asked === 'stats') process.send(model.stats())
    else if (asked === 'measure') {
      globalThis.gc()
      process.send({ p99: delays.percentile(99) / 1e6, rss: process.memoryUsage().rss })
      delays.reset()
    } else {
      await server.close(asked)
      process.send('closed')
    }
  })
  process.on('disconnect', () => process.exit())
  process.send(server.url)
`

export interface Measured {
  /** Delay of the event loop since the last measurement, milliseconds. */
  p99: number
  /** Resident memory, bytes. */
  rss: number
}

export interface ServerProcess {
  url: string
  port: number
  child: ChildProcess
  /** What it wrote to standard error. */
  log(): string
  measure(): Promise<Measured>
  stats(): Promise<ModelStats>
  close(options?: { grace?: number }): Promise<void>
  /** Ends the process. */
  kill(): void
}

export async function startServer(options: Partial<ServeOptions> = {}): Promise<ServerProcess> {
  if (!existsSync(`${dist}server/index.mjs`)) throw new Error('dist/ is missing: npm run build:lib makes it')
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '--eval', program], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, OPTIONS: JSON.stringify(options) },
  })
  let log = ''
  child.stderr?.on('data', (text) => {
    log += text
  })
  const ask = async (message: object | string) => {
    const answer = once(child, 'message')
    child.send(message)
    return (await answer)[0]
  }
  const [url] = (await Promise.race([once(child, 'message'), failure(child, () => log)])) as [string]
  return {
    url,
    port: Number(new URL(url).port),
    child,
    log: () => log,
    measure: () => ask('measure'),
    stats: () => ask('stats'),
    close: async (closing = {}) => void (await ask(closing)),
    kill: () => child.kill('SIGKILL'),
  }
}

/** Waits until nobody is served any more. */
export async function untilIdle(server: ServerProcess): Promise<void> {
  const began = performance.now()
  for (;;) {
    const { active, queued, kvCache } = await server.stats()
    if (active + queued + kvCache.pagesInUse === 0) return
    if (performance.now() - began > 60_000) throw new Error('some are served still')
  }
}

async function failure(child: ChildProcess, log: () => string): Promise<never> {
  const [code] = await once(child, 'close')
  throw new Error(`the server ended with ${code}: ${log()}`)
}
