// One request that breaks takes nobody with it.
import { expect, test } from 'vitest'
import { resolveOptions } from '../../lib/generation/options.js'
import { Requests } from '../../lib/generation/requests.js'
import { Run } from '../../lib/generation/run.js'
import type { NativeModel } from '../../lib/native/binding.js'
import { endOf, rowsOf } from './rows.js'

test('what a reader or a listener throws rejects its own request, and the rows of others follow', async () => {
  const requests = new Requests()
  let number = 0
  const model = { submit: () => ++number, cancel() {}, consumed() {} } as unknown as NativeModel
  const target = { model, requests, tokenizer: undefined, origin: 0 }
  const started = (run: Run) => {
    run.accept(resolveOptions({}, { temperature: 0 }, []))
    return run
  }
  const prompt = { tokens: new Int32Array([1]) }
  const breaks = () => {
    throw new Error('broken')
  }

  const reading = started(new Run())
  reading.start(target, { ...prompt, reader: () => ({ push: breaks, end: () => [] }) })
  const ending = started(new Run(breaks))
  ending.start(target, prompt)
  const fine = started(new Run())
  fine.start(target, prompt)
  const numbers = [1, 2, 3]
  const tokens = numbers.map((request) => ({ request, text: 'a' }))
  requests.deliver(
    ...rowsOf(
      tokens,
      numbers.map((request) => endOf(request, 'length')),
    ),
  )
  await expect(reading.done).rejects.toThrow('broken')
  await expect(ending.done).rejects.toThrow('broken')
  expect((await fine.done).text).toBe('a')
})

test('rows go to their requests: the beginning, the tokens with their texts, the end', () => {
  const requests = new Requests()
  const heard: string[] = []
  for (const request of [1, 2])
    requests.add(request, {
      token: (id, text, _, row) => heard.push(`${request}: ${id} ${text} in row ${row}`),
      answer: ({ kind }) => heard.push(`${request}: ${kind}`),
    })
  const begin = { request: 2, kind: 'begin' as const, cachedTokens: 0 }
  const tokens = [
    { request: 1, token: 5, text: 'a🙂' },
    { request: 2, token: 6, text: '' },
    { request: 3, token: 7, text: 'nobody' },
    { request: 2, token: 8, text: 'b' },
  ]
  requests.deliver(...rowsOf(tokens, [endOf(1, 'stop'), begin]))
  requests.deliver(...rowsOf([{ request: 1, text: 'too late' }], [endOf(1, 'stop')]))
  expect(heard).toEqual(['2: begin', '1: 5 a🙂 in row 0', '2: 6  in row 1', '2: 8 b in row 3', '1: end'])
})
