// When a request is tried again, for how long it waits, and what is kept of a download meanwhile.
import { getEventListeners } from 'node:events'
import { expect, test, vi } from 'vitest'
import { HubClient } from '../../lib/hub/client.js'
import type { HubEnvironment } from '../../lib/hub/environment.js'
import { defaultLimits } from '../../lib/hub/limits.js'
import { PartialFile } from '../../lib/hub/partial-file.js'
import { retrying, Transient } from '../../lib/hub/retry.js'
import { checkStatus } from '../../lib/hub/status.js'
import { QuernError } from '../../lib/index.js'
import { temporaryFolder } from '../model/temporary.js'
import { fakeHub, noisyRepo, quick } from './hub.js'

const temporary = temporaryFolder()
const hub = fakeHub()
const { signal } = new AbortController()
const limits = { attempts: 4, backoffMs: 0, maxWaitMs: 5000, tellMs: 60_000 }
const retries = { limits, tell: () => {} }
const lost = (details = {}) => new Transient(new QuernError('hub_unavailable', 'lost'), details)

test('only failures in a row count: whoever gets on may fail as often as it must', async () => {
  const silent = vi.fn(() => Promise.reject(lost()))
  await expect(retrying(retries, signal, silent)).rejects.toMatchObject({ code: 'hub_unavailable' })
  expect(silent).toHaveBeenCalledTimes(4)
  let cuts = 0
  const moving = (progressed: () => void) => {
    progressed()
    return ++cuts > 20 ? Promise.resolve('all') : Promise.reject(lost())
  }
  expect(await retrying(retries, signal, moving)).toBe('all')
  const slow = vi.fn(() => Promise.reject(lost({ isSlow: true })))
  await expect(retrying(retries, signal, slow)).rejects.toMatchObject({ code: 'hub_unavailable' })
  expect(slow).toHaveBeenCalledTimes(2)
  const final = vi.fn(() => Promise.reject(new QuernError('hub_not_found', 'none')))
  await expect(retrying(retries, signal, final)).rejects.toMatchObject({ code: 'hub_not_found' })
  expect(final).toHaveBeenCalledOnce()
})

test('a wait beyond the limit is no wait but the end', async () => {
  const attempt = vi.fn(() => Promise.reject(lost({ waitMs: 5001 })))
  await expect(retrying(retries, signal, attempt)).rejects.toMatchObject({ code: 'hub_unavailable' })
  expect(attempt).toHaveBeenCalledOnce()
})

test.each([429, 503])('Retry-After of a %i is seconds or a date', async (status) => {
  const asked = { url: new URL('http://hub/x'), isHub: true, hasToken: false, isStart: false }
  const waitOf = async (after?: string) => {
    const response = new Response(null, {
      status,
      headers: after === undefined ? {} : { 'retry-after': after },
    })
    const error = await checkStatus(response, asked).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(Transient)
    return (error as Transient).waitMs
  }
  expect(await waitOf('7')).toBe(7000)
  expect(await waitOf('0')).toBe(0)
  const soon = await waitOf(new Date(Date.now() + 30_000).toUTCString())
  expect(soon).toBeGreaterThan(25_000)
  expect(soon).toBeLessThanOrEqual(30_000)
  expect(await waitOf(new Date(Date.now() - 30_000).toUTCString())).toBe(0)
  expect(await waitOf('soon')).toBeUndefined()
  expect(await waitOf()).toBeUndefined()
})

test('requests leave nobody listening to their signal, however they end', async () => {
  hub.current.repos.set('org/name', noisyRepo(100))
  const client = new HubClient(
    { endpoint: hub.current.endpoint, token: undefined } as HubEnvironment,
    { ...defaultLimits, ...quick },
    () => {},
  )
  const { signal } = new AbortController()
  const commit = noisyRepo(100).commit
  for (const name of ['config.json', 'none.json']) {
    const path = `/org/name/resolve/${commit}/${name}`
    const sent = client.send({ path }, signal, async ({ status }) => status)
    await (name === 'none.json' ? expect(sent).rejects.toMatchObject({ code: 'hub_not_found' }) : sent)
    expect(getEventListeners(signal, 'abort'), name).toHaveLength(0)
  }
})

test('what a partial file has forgotten stays forgotten when it is opened again', async () => {
  const path = temporary.join('partial')
  const first = await PartialFile.open(path, 100)
  await first.write(0, Buffer.alloc(40))
  await first.write(60, Buffer.alloc(20))
  await first.close()
  const second = await PartialFile.open(path, 100)
  expect(second.missing()).toEqual([
    { start: 40, end: 60 },
    { start: 80, end: 100 },
  ])
  await second.reset()
  await second.write(90, Buffer.alloc(10))
  await second.close()
  const third = await PartialFile.open(path, 100)
  expect(third.missing()).toEqual([{ start: 0, end: 90 }])
  await third.close()
})
