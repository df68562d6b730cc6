import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { lstat, lutimes, mkdir, open, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { QuernError } from '../errors.js'
import type { HubLimits } from './limits.js'
import { readOwnFile } from './own-files.js'

/** Of a lock's text. */
const maxBytes = 4096

/** Who holds a lock. */
interface Owner {
  pid: number
  /** The system, and the part of it, in which the number means that process. */
  machine: string
  id: string
}

/**
 * Takes a lock that other processes respect, or gives undefined once `done` says that the work is no longer needed.
 *
 * Node.js has no flock, so the lock is a file that must not exist yet. Its owner touches it while it lives; whoever waits takes it over
 * when the owner is a process of this machine that is gone, or when it has been silent for ten heartbeats. Two processes may take over
 * at the same moment: what they do under the lock must stand that, and only costs double work then.
 */
export async function takeLock(
  path: string,
  { heartbeatMs }: Pick<HubLimits, 'heartbeatMs'>,
  signal: AbortSignal,
  done: () => Promise<boolean>,
): Promise<{ release(): Promise<void> } | undefined> {
  await mkdir(dirname(path), { recursive: true })
  const owner: Owner = { pid: process.pid, machine: machine(), id: randomUUID() }
  let seen: { text: string; touched: number; since: number } | undefined
  for (;;) {
    signal.throwIfAborted()
    if (await done()) return undefined
    if (await create(path, JSON.stringify(owner))) return hold(path, owner, heartbeatMs)
    const found = await lstat(path).catch(() => undefined)
    if (found === undefined) continue
    if (!found.isFile()) {
      // A link, a pipe: nobody's lock.
      await remove(path)
      continue
    }
    const text = (await readOwnFile(path, maxBytes)) ?? ''
    const touched = found.mtimeMs
    // How long it is silent is measured by one clock, ours: the disk may be another machine's.
    if (seen?.text !== text || seen.touched !== touched) seen = { text, touched, since: performance.now() }
    if (isGone(text) || performance.now() - seen.since > 10 * heartbeatMs) {
      if (((await readOwnFile(path, maxBytes)) ?? '') === text) await remove(path)
      continue
    }
    await sleep(Math.min(250, heartbeatMs), undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { force: true })
  } catch (cause) {
    throw new QuernError(
      'write_error',
      `${path}: a lock that nobody holds cannot be removed: ${(cause as Error).message}; delete it, or choose another cacheDir`,
      { value: path, cause },
    )
  }
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.writeFile(text).finally(() => file.close())
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function hold(path: string, owner: Owner, heartbeatMs: number) {
  const touch = () => lutimes(path, new Date(), new Date()).catch(() => {})
  const beat = setInterval(touch, heartbeatMs).unref()
  return {
    async release() {
      clearInterval(beat)
      const text = await readOwnFile(path, maxBytes)
      if (text === JSON.stringify(owner)) await rm(path, { force: true })
    },
  }
}

/** Whether a lock's owner was a process of this machine that has ended. */
function isGone(text: string): boolean {
  let owner: Partial<Owner> | null
  try {
    owner = JSON.parse(text)
  } catch {
    return false
  }
  if (owner?.machine !== machine() || !Number.isSafeInteger(owner.pid) || (owner.pid as number) <= 0)
    return false
  try {
    process.kill(owner.pid as number, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Containers may share a disk and a name, but not the system's boot and its namespace of processes. */
function machine(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}
