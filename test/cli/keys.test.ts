import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Keys } from '../../lib/cli/keys.js'

/** What comes of what a terminal sends, in order: keys as they are, pasted texts in brackets. */
function terminal() {
  const source = new PassThrough()
  let came = ''
  const keys = new Keys(source, (text) => {
    came += `[${text}]`
  })
  keys.on('data', (text) => {
    came += text
  })
  const settled = async () => {
    for (let i = 0; i < 20; i++) await turn()
    return came
  }
  return { source, keys, settled }
}

it('tells pasted texts as wholes, in their place among the keys', async () => {
  const { source, settled } = terminal()
  source.write('a\x1b[200~one\ntwo\x1b[201~b\x1b[A\x1b[200~\x1b[201~c')
  expect(await settled()).toBe('a[one\ntwo]b\x1b[A[]c')
})

it('finds marks wherever the bytes are cut', async () => {
  const sent = Buffer.from('x\x1b[200~é\n二\x1b[201~y\x1b[200~z\x1b[201~\x1b[Bw')
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: sent.length - 1 }), { maxLength: 8 }),
      async (cuts) => {
        const { source, settled } = terminal()
        // A lone escape is a key that must not wait, so no cut follows one.
        const places = [...new Set(cuts)].filter((at) => sent[at - 1] !== 0x1b).sort((a, b) => a - b)
        let from = 0
        for (const at of [...places, sent.length]) {
          source.write(sent.subarray(from, at))
          from = at
          await turn()
        }
        expect(await settled()).toBe('x[é\n二]y[z]\x1b[Bw')
      },
    ),
    { numRuns: 100 },
  )
})

it('holds keys back, but Ctrl-C, which drops them', async () => {
  const { source, keys, settled } = terminal()
  keys.hold()
  source.write('ab\x1b[200~c\x1b[201~')
  expect(await settled()).toBe('')
  source.write('d\x03e')
  expect(await settled()).toBe('\x03')
  keys.release()
  expect(await settled()).toBe('\x03e')
  source.write('f')
  expect(await settled()).toBe('\x03ef')
})

it('gives what waits when the terminal is closed', async () => {
  const { source, keys, settled } = terminal()
  keys.hold()
  source.end('ab\x1b[20')
  expect(await settled()).toBe('ab\x1b[20')
  expect(keys.readableEnded).toBe(true)
})

it('Ctrl-C ends a paste whose end never came, and drops it', async () => {
  const { source, settled } = terminal()
  source.write('a\x1b[200~one\ntw')
  await turn()
  source.write('\x1b[201')
  await turn()
  source.write('\x03')
  await turn()
  source.write('b\x1b[200~two\x1b[201~')
  expect(await settled()).toBe('a\x03b[two]')
})

it('a Ctrl-C within what is pasted is part of it', async () => {
  const { source, settled } = terminal()
  source.write('\x1b[200~one\x03two\x1b[201~')
  expect(await settled()).toBe('[one\x03two]')
})
