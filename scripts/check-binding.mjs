// The types of lib/native/binding.ts against what the built addon exports, and against the members of objects that native/binding reads and
// writes; in both directions.
// usage: check-binding.mjs [binding.ts] [addon] [the folder of native/binding]
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import ts from 'typescript'
import { readClasses, readMembers } from './binding-members.mjs'
import { report } from './report.mjs'
import { sources } from './sources.mjs'

const root = join(import.meta.dirname, '..')
const typesPath = resolve(process.argv[2] ?? join(root, 'lib/native/binding.ts'))
const addonPath = resolve(process.argv[3] ?? join(root, 'build/Release/quern.node'))
const nativePath = resolve(process.argv[4] ?? join(root, 'native/binding'))
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

/** Whether a file lies beside binding.ts. */
function isOurs({ fileName }) {
  return dirname(fileName) === dirname(typesPath)
}

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
    if (!symbol.declarations?.every((one) => isOurs(one.getSourceFile()))) continue
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

/** The value that a type of literals stands for, as `typeof` a constant is one; undefined for any other type. */
function literalOf(type) {
  if (type.isLiteral()) return type.value
  if (!checker.isTupleType(type)) return undefined
  const items = checker.getTypeArguments(type).map(literalOf)
  return items.includes(undefined) ? undefined : items
}

const addon = createRequire(import.meta.url)(addonPath)
const exported = membersOf(interfaceNamed('NativeBinding'))
compare('', exported, keysOf(addon, []))

const ofEveryFunction = ['length', 'name', 'prototype', 'arguments', 'caller']
let classes = 0
for (const [name, type] of exported) {
  const value = addon[name]
  if (value === undefined) continue
  const constant = literalOf(type)
  if (constant !== undefined && JSON.stringify(constant) !== JSON.stringify(value)) {
    problems.push(
      `${name}: declared as ${JSON.stringify(constant)}, and the addon has ${JSON.stringify(value)}`,
    )
  }
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

// ---- the members of objects that cross

const typedArrays = ['Int32Array', 'Uint32Array', 'Uint8Array', 'Float32Array', 'Float64Array']

/** The type of a member in the words of binding-members.mjs. */
function kindOf(type) {
  const present = checker.getNonNullableType(type)
  if (present !== type) return `${kindOf(present)} | undefined`
  const plain = type.flags & ts.TypeFlags.TypeParameter ? checker.getBaseConstraintOfType(type) : type
  const parts = plain.isUnion() ? plain.types : [plain]
  const all = (flags) => parts.every((part) => part.flags & flags)
  if (all(ts.TypeFlags.StringLike)) return 'string'
  if (all(ts.TypeFlags.NumberLike)) return 'number'
  if (all(ts.TypeFlags.BooleanLike)) return 'boolean'
  if (checker.isArrayType(plain)) return `${kindOf(checker.getTypeArguments(plain)[0])}[]`
  if (plain.getCallSignatures().length > 0) return 'function'
  const name = plain.symbol?.name
  if (typedArrays.includes(name)) return name
  return name === 'Promise' ? 'promise' : 'object'
}

/** The members that an interface itself declares, not those of the interfaces that it extends. */
function ownMembers(node) {
  return new Map(
    node.members.map((member) => {
      const symbol = checker.getSymbolAtLocation(member.name)
      return [symbol.name, kindOf(checker.getTypeOfSymbol(symbol))]
    }),
  )
}

const interfaces = new Map() // name → members, of all but those that the addon exports
for (const file of program.getSourceFiles().filter(isOurs)) {
  for (const node of file.statements.filter(ts.isInterfaceDeclaration))
    if (node.members.every((member) => member.name)) interfaces.set(node.name.text, ownMembers(node))
}
interfaces.delete('NativeBinding')

const crossing = new Map()
const ourClasses = new Map()
for (const path of sources(dirname(nativePath), basename(nativePath), ['.h', '.cc'])) {
  const text = readFileSync(join(dirname(nativePath), path), 'utf8')
  readClasses(text, ourClasses)
  if (!/\/(reader|writer|own_members|errors)\.h$/.test(path)) readMembers(path, text, crossing, problems)
}
for (const [name, methods] of ourClasses) {
  const declared = interfaces.get(`Native${name}`)
  interfaces.delete(`Native${name}`)
  if (declared === undefined) problems.push(`Native${name}: a class of the addon, and not declared`)
  else compare(`Native${name}.`, declared, methods)
}
for (const [name, declared] of interfaces) {
  const members = crossing.get(name)
  if (members === undefined) {
    problems.push(`${name}: declared, and native code neither reads nor writes it`)
    continue
  }
  for (const [member, kind] of declared) {
    const found = members.get(member)
    if (found === undefined) problems.push(`${name}.${member}: declared, and native code knows none`)
    else if (found !== kind)
      problems.push(`${name}.${member}: declared as ${kind}, and native code has ${found}`)
  }
  for (const member of members.keys())
    if (!declared.has(member)) problems.push(`${name}.${member}: in native code, and not declared`)
}
for (const name of crossing.keys())
  if (!interfaces.has(name)) problems.push(`${name}: in native code, and not declared`)

report(
  'binding',
  problems,
  `${exported.size} exports, ${classes} of them classes, and the members of ${interfaces.size} objects are as declared`,
)
