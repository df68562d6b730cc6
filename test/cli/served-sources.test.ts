import { expect, test } from 'vitest'
import { servedSources } from '../../lib/cli/served-sources.js'

test.each([
  [[], [['quern-tiny', undefined]]],
  [['quern-tiny'], [['quern-tiny', undefined]]],
  [['gpt-4o-mini=quern-tiny'], [['gpt-4o-mini', undefined]]],
  [
    ['org/name', 'mine=org/other'],
    [
      ['org/name', 'org/name'],
      ['mine', 'org/other'],
    ],
  ],
  [['./folder/'], [['folder', './folder/']]],
])('%j', (given, sources) => {
  expect([...servedSources(given as string[])]).toEqual(sources)
})
