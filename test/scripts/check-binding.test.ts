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

const modelClass = `
  DefineClass(env, "Model", {InstanceValue<&Model::pages>("pages"), InstanceMethod<&Model::close>("close"),
                             InstanceMethod<&Model::cancel>("cancel")});
`

/** Of an addon, its types and its C++ sources. */
function check(addon: string, declared = types, native = '') {
  const root = makeTree({ 'binding.ts': declared, 'addon.cjs': addon, 'native/model.cc': native })
  return runScript(
    'check-binding.mjs',
    ...['binding.ts', 'addon.cjs', 'native'].map((one) => join(root, one)),
  )
}

test('an addon that has what is declared is fine', () => {
  const { exitCode, lines } = check(
    `
    function Model() {} // as the classes of an addon are, with \`arguments\` and \`caller\`
    Model.random = () => {}
    Object.assign(Model.prototype, { pages: 1, close() {}, cancel() {} })
    module.exports = { isa: 'avx2', machine() {}, Model }
  `,
    types,
    modelClass,
  )
  expect(lines).toEqual([
    'binding: 3 exports, 1 of them classes, and the members of 0 objects are as declared',
  ])
  expect(exitCode).toBe(0)
})

test('differences are named in both directions', () => {
  const { exitCode, lines } = check(
    `
    class Model { static fromFile() {} close() {} get pages() { return 1 } fork() {} }
    class Grammar {}
    module.exports = { machine: 4, Model, Grammar }
  `,
    types,
    modelClass,
  )
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

test('constants have the values that are declared', () => {
  const declared = `
    const steps = ['topK', 'topP'] as const
    export interface NativeBinding {
      readonly steps: typeof steps
      readonly size: 16
    }
  `
  expect(check("module.exports = { steps: ['topP', 'topK'], size: 17 }", declared).lines).toEqual([
    'binding: 2 problems',
    '  steps: declared as ["topK","topP"], and the addon has ["topP","topK"]',
    '  size: declared as 16, and the addon has 17',
  ])
})

const crossing = `
  export interface NativeBinding {}
  interface NativeTaskOf<Kind extends string> { kind: Kind }
  export interface NativeScore extends NativeTaskOf<'score'> {
    prompt: Int32Array
    top?: number
    exact: boolean
    names: readonly ('a' | 'b')[]
    then: (() => void) | undefined
    inner: NativeInner
    many: NativeInner[]
  }
  export interface NativeInner { bytes: Uint8Array | undefined; version: 0 | 1 }
  export interface NativeAnswer { numbers: Float64Array; text: string }
`
const reading = `
  Task read_task(const Napi::Value& object) {
    const Reader task(object, "NativeTaskOf");
    if (task.text("kind") == "}") task.fail("kind", "another");
    return read_score(object);
  }
  Task read_score(const Napi::Value& object) {
    const Reader options(object, "NativeScore");
    const Reader inner(options.object("inner"), "NativeInner");  // inner.text("nothing")
    inner.optional_bytes("bytes");
    inner.integer<int32_t>("version");
    options.ids("prompt"), options.optional_integer<int32_t>("top"), options.flag("exact");
    for (const auto& name : options.texts("names")) options.optional_function("then");
    options.objects("many");
  }
  Napi::Object to_js(const Answer& answer) {
    const Writer options(env, "NativeAnswer");
    options.doubles("numbers", answer.numbers);
    options.text("text", answer.text);
    return options.written();
  }
`

function checkMembers(native: string, declared = crossing) {
  return check('module.exports = {}', declared, native).lines.slice(1)
}

test('members of objects that are as declared are fine', () => {
  expect(check('module.exports = {}', crossing, reading)).toEqual({
    exitCode: 0,
    lines: ['binding: 0 exports, 0 of them classes, and the members of 4 objects are as declared'],
  })
})

test('a member that native code does not know, or that is not declared', () => {
  expect(checkMembers(reading.replace(', options.flag("exact")', ''))).toEqual([
    '  NativeScore.exact: declared, and native code knows none',
  ])
  expect(checkMembers(reading, crossing.replace('exact: boolean', ''))).toEqual([
    '  NativeScore.exact: in native code, and not declared',
  ])
  expect(checkMembers(reading.replace('.text("text"', '.text("texts"'))).toEqual([
    '  NativeAnswer.text: declared, and native code knows none',
    '  NativeAnswer.texts: in native code, and not declared',
  ])
})

test('members of another type', () => {
  const changes = [
    ['prompt: Int32Array', 'prompt: Float32Array', 'NativeScore.prompt', 'Float32Array', 'Int32Array'],
    ['top?: number', 'top: number', 'NativeScore.top', 'number', 'number | undefined'],
    ['exact: boolean', 'exact?: number', 'NativeScore.exact', 'number | undefined', 'boolean'],
    ["('a' | 'b')[]", '1[]', 'NativeScore.names', 'number[]', 'string[]'],
    ['(() => void) | undefined', '() => void', 'NativeScore.then', 'function', 'function | undefined'],
    ['inner: NativeInner', 'inner: string', 'NativeScore.inner', 'string', 'object'],
    ['many: NativeInner[]', 'many: NativeInner', 'NativeScore.many', 'object', 'object[]'],
    ['version: 0 | 1', "version: '0' | '1'", 'NativeInner.version', 'string', 'number'],
    ['numbers: Float64Array', 'numbers: number[]', 'NativeAnswer.numbers', 'number[]', 'Float64Array'],
  ] as const
  const declared = changes.reduce((text, [from, to]) => text.replace(from, to), crossing)
  expect(checkMembers(reading, declared)).toEqual(
    changes.map(
      ([, , member, wanted, found]) => `  ${member}: declared as ${wanted}, and native code has ${found}`,
    ),
  )
})

test('an object that one side alone knows', () => {
  expect(checkMembers(reading, crossing.replace('NativeInner { bytes', 'NativeOther { bytes'))).toEqual(
    expect.arrayContaining([
      '  NativeOther: declared, and native code neither reads nor writes it',
      '  NativeInner: in native code, and not declared',
    ]),
  )
})

test('a member that is read in another way', () => {
  const otherwise = `${reading
    .replace('options.flag("exact")', 'options.flag(name)')
    .replace('(env, "NativeAnswer")', '(env, name)')}
    bool exact = object.Get("exact").ToBoolean();
    put(object, "text", 1);`
  expect(checkMembers(otherwise)).toEqual(
    expect.arrayContaining([
      "  native/model.cc:12: NativeScore: no method with a member's name in place: flag",
      '  native/model.cc:17: options: no name of an interface in place',
      '  native/model.cc:23: a member that neither Reader nor Writer sees',
      '  native/model.cc:24: a member that neither Reader nor Writer sees',
    ]),
  )
})

test('a class whose methods are others than declared', () => {
  const declared = `
    export interface NativeBinding { load(): NativeModel }
    export interface NativeModel { close(): void; cancel(): void }
  `
  const native =
    'DefineClass(env, "Model", {InstanceMethod<&Model::close>("close"), InstanceMethod<&Model::fork>("fork")})'
  expect(check('module.exports = { load() {} }', declared, native).lines).toEqual([
    'binding: 2 problems',
    '  NativeModel.cancel: declared, and the addon has none',
    '  NativeModel.fork: in the addon, and not declared',
  ])
})
