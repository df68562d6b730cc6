// How long a peer lets us wait, and that what keeps us ourselves is not held against it.
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Conversation } from '../../lib/hub/conversation.js'
import { defaultLimits } from '../../lib/hub/limits.js'

const limits = { ...defaultLimits, stallMs: 80, rateMs: 80, minBytesPerSecond: 100_000 }

/** What comes after some milliseconds, and a turn of the event loop to be read in, as from a socket. */
async function after(milliseconds: number): Promise<void> {
  await sleep(milliseconds)
  await turn()
  await turn()
}

/** This process gets no core for so long. */
function pause(milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until) {}
}

it('gives up on silence', async () => {
  const controller = new AbortController()
  const conversation = new Conversation(limits, 10_000, (error) => controller.abort(error))
  const silence = new Promise<never>((_, reject) => {
    controller.signal.onabort = () => reject(controller.signal.reason)
  })
  await expect(conversation.wait(silence)).rejects.toThrow('nothing came for 0.1 s')
})

it('gives up when no end comes', async () => {
  let reason = ''
  const conversation = new Conversation(limits, 200, (error) => {
    reason = error.message
  })
  for (let i = 0; i < 100 && reason === ''; i++) await conversation.wait(after(20))
  expect(reason).toBe('no end came within 0.2 s')
})

it('counts a pause of this process neither as silence nor as a slow peer’s time', async () => {
  let reason = ''
  const conversation = new Conversation(limits, 1000, (error) => {
    reason = error.message
  })
  for (let i = 0; i < 5; i++) {
    const coming = conversation.wait(after(5))
    pause(300)
    await coming
    conversation.came(20_000)
  }
  expect(reason).toBe('')
})
