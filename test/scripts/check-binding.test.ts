import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeTree, runScript } from './tree.js'

const types = `
  export interface NativeBinding {
    readonly isa: string
    machine(): { cores: number }
    Model: NativeModelConstructor
  }
  interface NativeModelConstructor {
    new (plan: string): NativeModel
    random(seed: number): NativeModel
  }
  export interface NativeModel {
    readonly pages: number
    close(): void
    cancel?(id: number): void
  }
`

function check(addon: string) {
  const root = makeTree({ 'binding.ts': types, 'addon.cjs': addon })
  return runScript('check-binding.mjs', join(root, 'binding.ts'), join(root, 'addon.cjs'))
}

test('an addon that has what is declared is fine', () => {
  const { exitCode, lines } = check(`
    function Model() {} // as the classes of an addon are, with \`arguments\` and \`caller\`
    Model.random = () => {}
    Object.assign(Model.prototype, { pages: 1, close() {}, cancel() {} })
    module.exports = { isa: 'avx2', machine() {}, Model }
  `)
  expect(lines).toEqual(['binding: 3 exports, 1 of them classes, are as declared'])
  expect(exitCode).toBe(0)
})

test('differences are named in both directions', () => {
  const { exitCode, lines } = check(`
    class Model { static fromFile() {} close() {} get pages() { return 1 } fork() {} }
    class Grammar {}
    module.exports = { machine: 4, Model, Grammar }
  `)
  expect(lines).toEqual([
    'binding: 7 problems',
    '  isa: declared, and the addon has none',
    '  Grammar: in the addon, and not declared',
    '  machine: declared as a function, and the addon has a number',
    '  Model.random: declared, and the addon has none',
    '  Model.fromFile: in the addon, and not declared',
    '  Model.prototype.cancel: declared, and the addon has none',
    '  Model.prototype.fork: in the addon, and not declared',
  ])
  expect(exitCode).toBe(1)
})
