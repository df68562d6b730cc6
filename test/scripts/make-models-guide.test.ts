import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { supportedGoldens } from '../supported-goldens.js'
import { makeTree, runScript } from './tree.js'

const guide = join(import.meta.dirname, '../../docs/models.md')

test('the guide is what the script writes', () => {
  const root = makeTree({})
  expect(runScript('make-models-guide.mjs', join(root, 'models.md')).exitCode).toBe(0)
  expect(readFileSync(join(root, 'models.md'), 'utf8')).toBe(readFileSync(guide, 'utf8'))
  const { exitCode, lines } = runScript('make-models-guide.mjs', '--check')
  expect({ exitCode, lines }).toEqual({
    exitCode: 0,
    lines: [expect.stringMatching(/^models: \d+ families, \d+ goldens$/)],
  })
})

test('one that is older is named', () => {
  const old = join(makeTree({ 'models.md': 'Models' }), 'models.md')
  const { exitCode, lines } = runScript('make-models-guide.mjs', '--check', old)
  expect(exitCode).toBe(1)
  expect(lines[1]).toContain(`${old} is older than`)
  expect(runScript('make-models-guide.mjs', '--check', `${old}-absent`).exitCode).toBe(1)
})

test('it names every golden that the tests compare with', () => {
  const text = readFileSync(guide, 'utf8')
  for (const { name } of supportedGoldens) expect(text).toContain(`| \`${name}\` |`)
})
