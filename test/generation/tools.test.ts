import { expect, it } from 'vitest'
import { functionTools } from '../../lib/generation/tools.js'
import { expectCode } from '../model/expect-code.js'

const none = { type: 'object', properties: {} }

it('gives copies, wrapped as OpenAI has them', () => {
  const now = { name: 'now', description: 'The time', parameters: { ...none } }
  const tools = functionTools([
    now,
    { type: 'function', function: { ...now, name: 'then', strict: undefined } },
  ])
  expect(tools).toEqual([
    { type: 'function', function: now },
    { type: 'function', function: { ...now, name: 'then' } },
  ])
  now.parameters.type = 'changed'
  expect(tools?.[0]?.function.parameters.type).toBe('object')
})

it('takes an empty list for no tools', () => {
  expect(functionTools([])).toBeUndefined()
  expect(functionTools(undefined)).toBeUndefined()
})

const cycle: Record<string, unknown> = { type: 'object' }
cycle.self = cycle
it.each<[string, unknown, RegExp]>([
  ['no list', {}, /^tools: expected an array/],
  ['a list with a hole', new Array(1), /^tools\[0\]: expected plain JSON data, got undefined/],
  ['a text', ['now'], /^tools\[0\]: expected \{ name, description, parameters \}/],
  ['no name', [{ parameters: none }], /^tools\[0\]: expected \{ name, description, parameters \}/],
  ['an empty name', [{ name: '', parameters: none }], /^tools\[0\]\.name/],
  ['a name with a space', [{ name: 'get weather', parameters: none }], /got "get weather"/],
  ['a long name', [{ name: 'x'.repeat(129), parameters: none }], /1 to 128 letters/],
  [
    'the same name twice',
    ['a', 'b', 'a'].map((name) => ({ name, parameters: none })),
    /^tools\[2\]\.name: .*no other tool/,
  ],
  [
    'no parameters',
    [{ name: 'now' }],
    /^tools\[0\]\.parameters: .*\{ type: 'object', properties: \{\} \} for none, got undefined/,
  ],
  ['parameters that are a list', [{ name: 'now', parameters: [] }], /^tools\[0\]\.parameters/],
  ['a description that is no text', [{ name: 'now', description: 5, parameters: none }], /description/],
  [
    'a function',
    [{ name: 'now', parameters: none, execute: () => 1 }],
    /^tools\[0\]\.execute: expected plain JSON data/,
  ],
  [
    'a function within',
    [{ name: 'now', parameters: { type: 'object', default: [() => 1] } }],
    /parameters\.default\[0\]/,
  ],
  ['a cycle', [{ name: 'now', parameters: cycle }], /nested at most 64 deep/],
  ['NaN', [{ name: 'now', parameters: { maximum: Number.NaN } }], /parameters\.maximum: .*got NaN/],
])('refuses %s', async (_, tools, reason) => {
  expect((await expectCode(() => functionTools(tools), 'invalid_option')).message).toMatch(reason)
})
