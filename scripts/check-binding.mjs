// The types of lib/native/binding.ts against what the built addon exports, in both directions.
// usage: check-binding.mjs [binding.ts] [addon]
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import ts from 'typescript'
import { report } from './report.mjs'

const root = join(import.meta.dirname, '..')
const typesPath = resolve(process.argv[2] ?? join(root, 'lib/native/binding.ts'))
const addonPath = resolve(process.argv[3] ?? join(root, 'build/Release/quern.node'))
const problems = []

const program = ts.createProgram([typesPath], {
  noEmit: true,
  strict: true,
  types: [],
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
})
const checker = program.getTypeChecker()

function interfaceNamed(name) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(typesPath))
  const symbol = module && checker.getExportsOfModule(module).find((one) => one.name === name)
  if (!symbol) throw new Error(`${typesPath} exports no interface ${name}`)
  return checker.getDeclaredTypeOfSymbol(symbol)
}

/** Name → type of each member; a member that may be absent is compared like any other. */
function membersOf(type) {
  const members = new Map()
  for (const symbol of checker.getPropertiesOfType(type)) {
    // What every function has of its own (name, length, ...) comes from lib.d.ts and is no member of a constructor.
    if (symbol.declarations?.some((one) => one.getSourceFile().fileName !== typesPath)) continue
    members.set(symbol.name, checker.getNonNullableType(checker.getTypeOfSymbol(symbol)))
  }
  return members
}

function keysOf(object, except) {
  return Object.getOwnPropertyNames(object).filter((name) => !except.includes(name))
}

function compare(where, declared, found) {
  for (const name of declared.keys()) {
    if (!found.includes(name)) problems.push(`${where}${name}: declared, and the addon has none`)
  }
  for (const name of found) {
    if (!declared.has(name)) problems.push(`${where}${name}: in the addon, and not declared`)
  }
}

const addon = createRequire(import.meta.url)(addonPath)
const exported = membersOf(interfaceNamed('NativeBinding'))
compare('', exported, keysOf(addon, []))

const ofEveryFunction = ['length', 'name', 'prototype', 'arguments', 'caller']
let classes = 0
for (const [name, type] of exported) {
  const value = addon[name]
  if (value === undefined) continue
  const construct = type.getConstructSignatures()[0]
  const wanted = construct || type.getCallSignatures().length > 0 ? 'function' : 'object'
  if (typeof value !== wanted && wanted === 'function') {
    problems.push(`${name}: declared as a function, and the addon has a ${typeof value}`)
  } else if (construct) {
    classes++
    compare(`${name}.`, membersOf(type), keysOf(value, ofEveryFunction))
    const instance = membersOf(construct.getReturnType())
    compare(`${name}.prototype.`, instance, keysOf(value.prototype, ['constructor']))
  }
}

report('binding', problems, `${exported.size} exports, ${classes} of them classes, are as declared`)
