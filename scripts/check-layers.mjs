// Imports go one way: the layers of ARCHITECTURE.md, for TypeScript and C++; no two files of lib/ import each other. And what is private
// in lib/ is so at run time.
// usage: check-layers.mjs [root]
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'
import { importCycles } from './import-cycles.mjs'
import { report } from './report.mjs'
import { sources } from './sources.mjs'

const root = process.argv[2] ?? join(import.meta.dirname, '..')
const problems = []
const importsOf = new Map() // the files that each file of lib/ imports

// What each part of lib/ may import besides itself. A part is a folder, or a file that lies in lib/ itself.
const typescriptLayers = {
  'index.ts': [
    'session',
    'model',
    'checkpoint',
    'tasks',
    'generation',
    'tokenizer',
    'chat',
    'hub',
    'native',
    'errors.ts',
  ],
  cli: ['index.ts', 'server', 'batch', 'package.ts'],
  batch: ['server', 'index.ts'],
  server: ['index.ts', 'model', 'package.ts', 'nearest-name.ts'],
  integrations: ['index.ts', 'input', 'nearest-name.ts'],
  model: [
    'checkpoint',
    'session',
    'tasks',
    'generation',
    'tokenizer',
    'chat',
    'hub',
    'native',
    'files',
    'input',
    'package.ts',
    'on-abort.ts',
    'generation-defaults.ts',
    'errors.ts',
  ],
  checkpoint: ['hub', 'native', 'files', 'input', 'package.ts', 'generation-defaults.ts', 'errors.ts'],
  session: ['generation', 'tokenizer', 'chat', 'native', 'files', 'input', 'errors.ts'],
  tasks: ['generation', 'tokenizer', 'native', 'input', 'on-abort.ts', 'turn.ts', 'errors.ts'],
  generation: [
    'tokenizer',
    'native',
    'input',
    'on-abort.ts',
    'turn.ts',
    'generation-defaults.ts',
    'errors.ts',
  ],
  tokenizer: ['native', 'files', 'input', 'errors.ts'],
  chat: ['jinja', 'python', 'input', 'errors.ts'],
  jinja: ['python', 'errors.ts'],
  python: ['errors.ts'],
  hub: ['files', 'input', 'on-abort.ts', 'errors.ts'],
  native: ['package.ts', 'errors.ts'],
  files: ['turn.ts', 'errors.ts'],
  'package.ts': [],
  'generation-defaults.ts': [],
  input: ['nearest-name.ts', 'errors.ts'],
  'on-abort.ts': [],
  'turn.ts': [],
  'nearest-name.ts': [],
  'errors.ts': [],
}
// The types of an interpreter refer to each other: what a node does needs the run, and the run has the nodes.
const mutualTypes = ['jinja']
const environmentReaders = /^lib\/(cli\/.*|hub\/environment\.ts|native\/load-binding\.ts)$/

// What each part of native/ may include besides itself: a folder, or one header of it.
const nativeLayers = {
  binding: ['engine', 'tokenizer', 'model', 'backend/devices.h', 'core'],
  engine: ['model', 'tokenizer', 'backend/backend.h', 'backend/host_sampler.h', 'backend/sampling.h', 'core'],
  model: ['backend/backend.h', 'core'],
  tokenizer: ['core'],
  backend: ['core', 'backend/cpu', 'backend/library'],
  'backend/cpu': [
    'backend/backend.h',
    'backend/host_sampler.h',
    'backend/sampling.h',
    'core',
    'backend/cpu/kernels',
  ],
  'backend/library': ['backend/backend.h', 'backend/device_probe.h', 'backend/sampling.h', 'core'],
  'backend/cuda': [
    'backend/backend.h',
    'backend/device_probe.h',
    'backend/sampling.h',
    'backend/library',
    'core',
    'backend/cuda/kernels',
  ],
  'backend/cpu/kernels': ['core/dtype.h'],
  'backend/cuda/kernels': [],
  emulator: [],
  core: [],
}
// The name of a way to scale rotary angles is no architecture.
const architecture =
  /(?<![a-zA-Z])(qwen|llama(?!3\b)|mistral|phi(?![a-z]))|(Qwen|Llama(?!3\b)|Mistral|Phi)(?![a-z])/

function checkTypescript(path) {
  const tree = ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest, true)
  const part = path.split('/')[1]
  const allowed = typescriptLayers[part]
  if (!allowed) return problems.push(`${path}: lib/${part} has no place in the layers`)

  const imports = new Set()
  importsOf.set(path, imports)
  const at = (node) => `${path}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
  const imported = (node, isType) => {
    if (!node.text.startsWith('.')) return
    const target = normalize(join(dirname(path), node.text)).replace(/\.js$/, '.ts')
    const [top, targetPart] = target.split('/')
    if (!isType || !mutualTypes.includes(part)) imports.add(target)
    if (top !== 'lib') problems.push(`${at(node)}: imports ${target}, outside lib/`)
    else if (targetPart !== part && !allowed.includes(targetPart)) {
      problems.push(
        `${at(node)}: ${part} imports ${targetPart} (may import: ${allowed.join(', ') || 'nothing'})`,
      )
    }
  }
  const visit = (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      imported(node.moduleSpecifier, node.isTypeOnly || node.importClause?.isTypeOnly)
    } else if (ts.isImportTypeNode(node)) imported(node.argument.literal, true)
    else if (
      ts.isCallExpression(node) &&
      (node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require') &&
      node.arguments[0] &&
      ts.isStringLiteralLike(node.arguments[0])
    ) {
      imported(node.arguments[0], false)
    }
    if (node.kind === ts.SyntaxKind.PrivateKeyword && !ts.isConstructorDeclaration(node.parent))
      problems.push(`${at(node)}: private by name only: write #${node.parent.name?.getText()}`)
    const readsEnvironment =
      (ts.isPropertyAccessExpression(node) && node.getText() === 'process.env') ||
      (ts.isImportSpecifier(node) &&
        (node.propertyName ?? node.name).text === 'env' &&
        /^(node:)?process$/.test(node.parent.parent.parent.moduleSpecifier.text))
    if (readsEnvironment && !environmentReaders.test(path)) problems.push(`${at(node)}: reads process.env`)
    ts.forEachChild(node, visit)
  }
  visit(tree)
}

/** The same text with blanks for comments, so that lines keep their numbers. Strings stay. */
function withoutComments(text) {
  const commentOrString = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"/g
  return text.replace(commentOrString, (match) => (match[0] === '/' ? match.replace(/[^\n]/g, ' ') : match))
}

/** The longest row of the table that holds the path: a file in backend/cpu/kernels is not one of backend. */
function nativePart(path) {
  const parts = Object.keys(nativeLayers).filter((part) => path.startsWith(`${part}/`))
  return parts.sort((a, b) => b.length - a.length)[0]
}

function checkNative(path) {
  const inside = path.slice('native/'.length)
  const part = nativePart(inside)
  if (!part) return problems.push(`${path}: has no place in the layers`)
  const text = readFileSync(join(root, path), 'utf8')
  const code = withoutComments(text)
  const checkedForNames = part === 'tokenizer' ? code : text
  const isKernel = part.endsWith('/kernels')

  const codeLines = code.split('\n')
  const nameLines = checkedForNames.split('\n')
  codeLines.forEach((line, index) => {
    const problem = (what) => problems.push(`${path}:${index + 1}: ${what}`)
    const [, quoted, system] = /^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)/.exec(line) ?? []
    if (quoted) {
      const beside = normalize(join(dirname(inside), quoted))
      const target = existsSync(join(root, 'native', beside)) ? beside : normalize(quoted)
      const targetPart = nativePart(target)
      const allowed = nativeLayers[part]
      const fits = allowed.some((one) => one === target || one === targetPart || target.startsWith(`${one}/`))
      if (targetPart !== part && !fits) {
        problem(`${part} includes ${target} (may include: ${allowed.join(', ') || 'its own folder only'})`)
      }
    }
    if (/^(napi|node_api|js_native_api)\b/.test(system) && part !== 'binding') {
      problem(`<${system}> outside native/binding`)
    }
    if (/^cuda.*\.h$/.test(system) && !part.startsWith('backend/cuda') && part !== 'emulator') {
      problem(`<${system}> outside native/backend/cuda and native/emulator`)
    }
    if (isKernel && (/^(string|vector)$/.test(system) || /\bstd::string\b|\bTensor\b/.test(line))) {
      problem('a kernel takes raw pointers and one struct, no Tensor, std::string or std::vector')
    }
    if (architecture.test(nameLines[index])) {
      problem(`the name of an architecture: ${architecture.exec(nameLines[index])[0]}`)
    }
    if (/^(engine|model)$/.test(part) && /\bdevice(\(\)|_)?\s*[!=]=/.test(line)) {
      problem('asks which device it runs on')
    }
  })
}

const typescript = sources(root, 'lib', ['.ts'])
const native = sources(root, 'native', ['.cc', '.h', '.cu', '.cuh'])
for (const path of typescript) checkTypescript(path)
for (const path of native) checkNative(path)
for (const cycle of importCycles(importsOf)) problems.push(`${cycle}: import each other`)
report('layers', problems, `${typescript.length} TypeScript and ${native.length} C++ files import one way`)
