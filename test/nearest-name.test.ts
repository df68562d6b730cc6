import { describe, expect, it, test } from 'vitest'
import { unsupportedOption } from '../lib/input/check-option.js'
import { nearestName } from '../lib/nearest-name.js'

const names = [
  'maxTokens',
  'temperature',
  'topK',
  'topP',
  'seed',
  'stop',
  'signal',
  'xtc',
  'logitBias',
  'keepOnAbort',
]

test.each([
  ['maxToken', 'maxTokens'],
  ['max_tokens', 'maxTokens'],
  ['MAXTOKENS', 'maxTokens'],
  ['tempreature', 'temperature'],
  ['temprature', 'temperature'],
  ['top_k', 'topK'],
  ['sede', 'seed'],
  ['stops', 'stop'],
  ['xct', 'xtc'],
])('%s means %s', (given, meant) => {
  expect(nearestName(given, names)).toBe(meant)
})

test.each(['', 'speculative', 'k', 'a'.repeat(1e6), 'grammar'])('nothing is near to %s', (given) => {
  expect(nearestName(given.slice(0, 1e6), names)).toBeUndefined()
})

describe('an option that does not exist', () => {
  const message = (name: string) => unsupportedOption('generate', name, names, 1).message

  it('is told with what is probably meant, never that it may come', () => {
    expect(message('maxToken')).toMatch(/^generate\(\) has no option 'maxToken': did you mean 'maxTokens'\?/)
    expect(message('max_new_tokens')).toMatch(/did you mean 'maxTokens'/)
    expect(message('abortSignal')).toMatch(/did you mean 'signal'/)
    expect(message('tokenBias')).toMatch(/did you mean 'logitBias'/)
    expect(message('stopOnAbortSignal')).toMatch(/did you mean 'keepOnAbort'/)
    expect(message('grammar')).toMatch(/^generate\(\) has no option 'grammar'\. It has maxTokens, /)
    for (const name of ['maxToken', 'grammar', 'constructor', '__proto__']) {
      expect(message(name)).not.toMatch(/yet|undefined|function/)
    }
  })
})
