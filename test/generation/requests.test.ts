// One request that breaks takes nobody with it.
import { expect, test } from 'vitest'
import { resolveOptions } from '../../lib/generation/options.js'
import { Requests } from '../../lib/generation/requests.js'
import { Run } from '../../lib/generation/run.js'
import type { NativeModel, NativeRow } from '../../lib/native/binding.js'

test('what a reader or a listener throws rejects its own request, and the rows of others follow', async () => {
  const requests = new Requests()
  let number = 0
  const model = { submit: () => ++number, cancel() {}, consumed() {} } as unknown as NativeModel
  const target = { model, requests, tokenizer: undefined, origin: 0 }
  const options = () => resolveOptions({}, { temperature: 0 }, [])
  const prompt = { tokens: new Int32Array([1]) }
  const breaks = () => {
    throw new Error('broken')
  }

  const reading = new Run(options())
  reading.start(target, { ...prompt, reader: () => ({ push: breaks, end: () => [] }) })
  const ending = new Run(options(), (result) => {
    if (result !== undefined) breaks()
  })
  ending.start(target, prompt)
  const fine = new Run(options())
  fine.start(target, prompt)
  const rows: NativeRow[] = [1, 2, 3].map((request) => ({ request, token: 5, text: 'a', finish: 'length' }))
  requests.deliver(rows)
  await expect(reading.done).rejects.toThrow('broken')
  await expect(ending.done).rejects.toThrow('broken')
  expect((await fine.done).text).toBe('a')
})
