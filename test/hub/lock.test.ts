import { spawnSync } from 'node:child_process'
import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { takeLock } from '../../lib/hub/lock.js'
import { temporaryFolder } from '../model/temporary.js'

const temporary = temporaryFolder()
const limits = { heartbeatMs: 20 }
/** Where an owner lives, in this very process: a pause of it, which nobody controls, must not look like ten heartbeats of silence. */
const calm = { heartbeatMs: 100 }
const never = new AbortController().signal
const notDone = async () => false

describe('a lock', () => {
  it('is held by one at a time', async () => {
    const path = temporary.join('one', 'x.lock')
    let holders = 0
    let most = 0
    const work = async () => {
      const lock = await takeLock(path, calm, never, notDone)
      most = Math.max(most, ++holders)
      await sleep(5)
      holders--
      await lock?.release()
    }
    await Promise.all(Array.from({ length: 10 }, work))
    expect(most).toBe(1)
    await expect(readFile(path)).rejects.toThrow('ENOENT')
  })

  it('is kept by an owner that works longer than others wait', async () => {
    const path = temporary.join('long.lock')
    const lock = await takeLock(path, calm, never, notDone)
    const controller = new AbortController()
    const waiting = takeLock(path, calm, controller.signal, notDone)
    await sleep(20 * calm.heartbeatMs)
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await lock?.release()
  })

  it('is not waited for once the work is done', async () => {
    const path = temporary.join('done.lock')
    const lock = await takeLock(path, calm, never, notDone)
    let done = false
    const waiting = takeLock(path, calm, never, async () => done)
    await sleep(50)
    done = true
    expect(await waiting).toBeUndefined()
    await lock?.release()
  })

  it('of a process that is gone is taken at once', async () => {
    const path = temporary.join('gone.lock')
    const lock = await takeLock(path, limits, never, notDone)
    const owner = JSON.parse(await readFile(path, 'utf8'))
    const { pid } = spawnSync(process.execPath, ['--version'])
    await lock?.release()
    await writeFile(path, JSON.stringify({ ...owner, pid }))
    const start = performance.now()
    const taken = await takeLock(path, { heartbeatMs: 10_000 }, never, notDone)
    expect(performance.now() - start).toBeLessThan(9 * 10_000) // what one that may be alive is given
    await taken?.release()
  })

  it.each([
    ['another machine', JSON.stringify({ pid: 1, machine: 'elsewhere', id: 'x' })],
    ['nobody', ''],
    ['something else', '{"pid": "x"}'],
  ])('of %s is taken after ten heartbeats of silence', async (name, text) => {
    const path = temporary.join(`silent ${name}.lock`)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
    await utimes(path, new Date(), new Date(Date.now() + 3_600_000)) // a clock that is wrong
    const start = performance.now()
    const lock = await takeLock(path, limits, never, notDone)
    expect(performance.now() - start).toBeGreaterThan(9 * limits.heartbeatMs)
    await lock?.release()
  })

  it('that another has taken over is left to it', async () => {
    const path = temporary.join('stolen.lock')
    const lock = await takeLock(path, limits, never, notDone)
    await writeFile(path, 'another')
    await lock?.release()
    expect(await readFile(path, 'utf8')).toBe('another')
    await rm(path)
  })
})
