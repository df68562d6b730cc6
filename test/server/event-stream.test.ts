import { expect, test } from 'vitest'
import type { Call } from '../../lib/server/call.js'
import { eventStream } from '../../lib/server/event-stream.js'

test('a failure that cannot be told ends the stream, and is in the log', async () => {
  const failures: unknown[] = []
  let ends = 0
  const call = {
    settings: { keepAliveMs: 1000, stallMs: 1000 },
    failed: (error: unknown) => void failures.push(error),
    end: () => void ends++,
  } as unknown as Call
  const untellable: Record<string, unknown> = {}
  untellable.itself = untellable
  async function* source() {
    yield { data: 'one' }
    yield { data: untellable }
  }
  const response = await eventStream(source(), call, () => [{ data: untellable }])
  expect(await response.text()).toBe('data: one\n\n')
  expect(failures).toHaveLength(2)
  expect(ends).toBe(1)
})
