import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => socket.end()).on('close', (hadError) => resolve(!hadError))
    socket.on('error', () => {})
  })
}

/** A Redis of its own, which keeps nothing, on a port of the loopback that is free. */
export async function startRedis(): Promise<{ url: string; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'quern-redis-'))
  const port = await freePort()
  const flags = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder]
  const redis = spawn('redis-server', flags, { stdio: 'ignore' })
  const exit = once(redis, 'exit')
  while (!(await answers(port))) {
    if (redis.exitCode !== null) throw new Error(`redis-server ended with ${redis.exitCode}`)
    await sleep(20)
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async close() {
      redis.kill()
      await exit
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
