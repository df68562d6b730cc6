import { expect, it } from 'vitest'
import { QuernError } from '../../lib/index.js'
import { DeviceTrouble } from '../../lib/server/device-trouble.js'

const fault = new QuernError('device_failed', 'the GPU failed')

/** And what it logs. */
function trouble() {
  const lines: string[] = []
  return { trouble: new DeviceTrouble((level, what) => void lines.push(`${level}: ${what}`)), lines }
}

it('counts a failure that another model met first where this one was computing too', () => {
  const { trouble: idle, lines } = trouble()
  for (let times = 0; times < 5; times++) idle.failedAlong('other', false)
  expect(idle.outage).toBeUndefined()
  expect(new Set(lines)).toEqual(
    new Set([
      'error: along with that of model other, its device failed; the next request that wants it loads it again',
    ]),
  )
  const { trouble: computing, lines: told } = trouble()
  computing.failed(fault)
  computing.failedAlong('other', true)
  computing.failedAlong('other', true)
  expect(computing.outage?.status).toBe(503)
  expect(told.at(-1)).toBe(
    'error: along with that of model other, its device failed 3 times in a row: for 5 s nobody has it loaded again',
  )
})

it('says of each pause how long it is, of those too that follow a load', () => {
  const { trouble: one, lines } = trouble()
  for (let times = 0; times < 4; times++) one.notLoaded(fault)
  const said = 'error: it cannot be loaded, and the process must be restarted'
  expect(lines).toEqual([
    said,
    `${said}; it is not tried again for 5 s`,
    `${said}; it is not tried again for 10 s`,
  ])
})

it('is over, as far as is known, when a GPU took another model', () => {
  const { trouble: one } = trouble()
  one.notLoaded(fault)
  expect(one.outage?.message).toContain('restart the process')
  one.mayBeOver()
  expect(one.outage).toBeUndefined()
})
