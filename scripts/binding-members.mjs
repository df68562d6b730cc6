// The members that native code reads of objects from JavaScript, and writes into those that it gives: what native/binding says through
// Reader and Writer, whose methods' names stand for types.

const kinds = {
  number: 'number',
  integer: 'number',
  real: 'number',
  flag: 'boolean',
  text: 'string',
  texts: 'string[]',
  ids: 'Int32Array',
  ids_lists: 'Int32Array[]',
  unsigned_ids: 'Uint32Array',
  reals: 'Float32Array',
  doubles: 'Float64Array',
  bytes: 'Uint8Array',
  object: 'object',
  objects: 'object[]',
  function: 'function',
  promise: 'promise',
}
const optional = 'optional_'
const noMembers = ['fail', 'written']

/**
 * Interface → member → its type, of one C++ file, added to `found`. What the file does in another way goes to `problems`: the type of such
 * a member would be anybody's guess.
 */
export function readMembers(path, text, found, problems) {
  const code = text.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
  const at = (index) => `${path}:${code.slice(0, index).split('\n').length}`
  for (const declared of code.matchAll(/\b(?:Reader|Writer) (\w+)\(([^;]*)\);/g)) {
    const [all, variable, args] = declared
    const name = /,\s*"(\w+)"$/.exec(args)?.[1]
    if (name === undefined) {
      problems.push(`${at(declared.index)}: ${variable}: no name of an interface in place`)
      continue
    }
    if (!found.has(name)) found.set(name, new Map())
    const start = declared.index + all.length
    const scope = code.slice(start, endOfScope(code, start))
    for (const call of scope.matchAll(
      new RegExp(`\\b${variable}\\.(\\w+)(?:<\\w+>)?\\(\\s*("\\w+")?`, 'g'),
    )) {
      const [, method, member] = call
      if (noMembers.includes(method)) continue
      const isOptional = method.startsWith(optional)
      const kind = kinds[isOptional ? method.slice(optional.length) : method]
      if (kind === undefined || member === undefined)
        problems.push(
          `${at(start + call.index)}: ${name}: no method with a member's name in place: ${method}`,
        )
      else found.get(name).set(JSON.parse(member), isOptional ? `${kind} | undefined` : kind)
    }
  }
  for (const other of code.matchAll(/\.(?:Get|Set)\(\s*"(?=\w+"\s*\))|\bput\([^;]*?,\s*"\w+",/g))
    problems.push(`${at(other.index)}: a member that neither Reader nor Writer sees`)
}

/** Where the block ends that `start` lies in. */
function endOfScope(code, start) {
  let depth = 0
  for (const { 0: sign, index } of code.slice(start).matchAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])'|[{}]/g)) {
    if (sign === '{') depth++
    if (sign === '}' && --depth < 0) return start + index
  }
  return code.length
}

/** Class → its methods, of one C++ file, added to `found`. */
export function readClasses(text, found) {
  for (const [, name, methods] of text.matchAll(/\bDefineClass\(\s*env,\s*"(\w+)",\s*\{(.*?)\}\)/gs))
    found.set(
      name,
      [...methods.matchAll(/>\(\s*"(\w+)"/g)].map(([, method]) => method),
    )
}
