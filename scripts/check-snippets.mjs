// The TypeScript in documentation compiles, against the package as it is built: the examples in the comments of public symbols, the
// ```ts blocks of the guides and of the README. Every public symbol has an example.
// usage: check-snippets.mjs
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { report } from './report.mjs'
import { root } from './run.mjs'

/** What the package exports: the names that programs import, and their files. */
const entries = {
  quern: 'lib/index.ts',
  'quern/server': 'lib/server/index.ts',
  'quern/batch': 'lib/batch/index.ts',
  'quern/ai-sdk': 'lib/integrations/ai-sdk/index.ts',
  'quern/langchain': 'lib/integrations/langchain/index.ts',
}
const problems = []

/** What snippets may use without saying where it comes from, beside everything that the package exports. */
const context = `
declare global {
  const model: import('quern').Model
  const session: import('quern').Session
  const generation: import('quern').Generation
  const messages: import('quern').ChatMessage[]
  const prompt: string
  const texts: string[]
  const template: import('quern').ChatTemplate
  const parser: import('quern').ToolCallParser
  const tokenizer: import('quern').Tokenizer
  const getWeather: import('quern').ToolDefinition
  const Hono: typeof import('hono').Hono
  const { readFile, writeFile }: typeof import('node:fs/promises')
  const { readFileSync }: typeof import('node:fs')
}
`

/** The public symbols: what an entry exports, and the public members of exported classes. */
function publicSymbols(program, from) {
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(program.getSourceFile(join(root, entries[from])))
  const found = []
  for (const exported of checker.getExportsOfModule(module)) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    found.push({ name: exported.name, symbol, from })
    if (!(symbol.flags & ts.SymbolFlags.Class)) continue
    const members = [...(symbol.members?.values() ?? []), ...(symbol.exports?.values() ?? [])]
    for (const member of members) {
      const [declaration] = member.declarations ?? []
      const isCallable = declaration && (ts.isMethodDeclaration(declaration) || ts.isGetAccessor(declaration))
      const flags = declaration && ts.getCombinedModifierFlags(declaration)
      const isInternal =
        declaration && ts.getJSDocTags(declaration).some((tag) => tag.tagName.text === 'internal')
      const isPrivate =
        isInternal ||
        flags & ts.ModifierFlags.Private ||
        declaration?.name?.kind === ts.SyntaxKind.PrivateIdentifier
      if (isCallable && !isPrivate)
        found.push({ name: `${exported.name}.${member.name}`, symbol: member, from })
    }
  }
  return found
}

/** A text's ```ts blocks, each with its line in the file; `firstLine` is the text's own. In comments lines begin with an asterisk. */
function blocks(path, text, firstLine = 1) {
  const lines = text.split('\n')
  const found = []
  let current
  lines.forEach((line, index) => {
    const bare = path.endsWith('.ts') ? line.replace(/^\s*\* ?/, '') : line
    if (current === undefined && /^\s*```ts\s*$/.test(bare))
      current = { path, line: firstLine + index + 1, code: [] }
    else if (current !== undefined && /^\s*```\s*$/.test(bare)) {
      found.push(current)
      current = undefined
    } else current?.code.push(bare)
  })
  return found
}

const options = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: ['node'],
}

const library = ts.createProgram(
  Object.values(entries).map((path) => join(root, path)),
  options,
)
const symbols = Object.keys(entries).flatMap((from) => publicSymbols(library, from))
const snippets = []
for (const { name, symbol } of symbols) {
  const before = snippets.length
  const tags = (symbol.declarations ?? []).flatMap((declaration) => ts.getJSDocTags(declaration))
  const examples = tags.filter((tag) => tag.tagName.text === 'example')
  for (const tag of examples) {
    const file = tag.getSourceFile()
    const { line } = file.getLineAndCharacterOfPosition(tag.getStart())
    snippets.push(...blocks(relative(root, file.fileName), tag.getText(), line + 1))
  }
  if (snippets.length === before) problems.push(`${name} has no @example in a ts block`)
}

const guides = readdirSync(join(root, 'docs'), { recursive: true })
  .filter((name) => name.endsWith('.md') && !name.startsWith('api'))
  .map((name) => join('docs', name))
for (const path of [...guides, 'README.md'])
  snippets.push(...blocks(path, readFileSync(join(root, path), 'utf8')))

// Each snippet is a module of its own beside the sources, in memory: so it finds 'quern' by the package's own name.
const files = new Map()
snippets.forEach((snippet, index) => {
  files.set(join(root, `snippet-${index}.mts`), `${snippet.code.join('\n')}\nexport {}\n`)
})
// What several entries export is one global.
const exported = [...new Map(symbols.map((one) => [one.name, one])).values()].filter(
  ({ name }) => !name.includes('.'),
)
const asGlobals = exported.map(({ name, symbol, from }) => {
  const isValue = symbol.flags & ts.SymbolFlags.Value
  const imported = `import('${from}').${name}`
  const type = `type ${name} = ${imported}`
  return isValue
    ? `const ${name}: typeof ${imported}${symbol.flags & ts.SymbolFlags.Class ? `; ${type}` : ''}`
    : type
})
files.set(
  join(root, 'snippet-context.ts'),
  `export {}\n${context}`.replace('declare global {', `declare global {\n${asGlobals.join('\n')}`),
)

const host = ts.createCompilerHost(options)
const { getSourceFile, fileExists, readFile } = host
host.getSourceFile = (path, language, ...rest) =>
  files.has(path)
    ? ts.createSourceFile(path, files.get(path), language, true)
    : getSourceFile(path, language, ...rest)
host.fileExists = (path) => files.has(path) || fileExists(path)
host.readFile = (path) => files.get(path) ?? readFile(path)
const program = ts.createProgram([...files.keys()], options, host)
for (const diagnostic of ts.getPreEmitDiagnostics(program)) {
  const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')
  const index = /snippet-(\d+)\.mts$/.exec(diagnostic.file?.fileName ?? '')?.[1]
  if (index === undefined) {
    problems.push(`${diagnostic.file ? relative(root, diagnostic.file.fileName) : ''}: ${message}`)
    continue
  }
  const snippet = snippets[Number(index)]
  const line = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start).line
  problems.push(`${snippet.path}:${snippet.line + line}: ${message}`)
}
report(
  'snippets',
  problems,
  `${snippets.length} compile, and each of ${symbols.length} public symbols has one`,
)
