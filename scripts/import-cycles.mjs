/** Groups of files that import each other, each sorted and named once. `imports`: the files that each file imports. */
export function importCycles(imports) {
  const reached = new Map([...imports.keys()].map((file) => [file, reachableFrom(file, imports)]))
  const groups = new Set()
  for (const [file, targets] of reached) {
    if (!targets.has(file)) continue
    groups.add(
      [...targets]
        .filter((other) => reached.get(other)?.has(file))
        .sort()
        .join(' ↔ '),
    )
  }
  return [...groups].sort()
}

function reachableFrom(file, imports) {
  const found = new Set()
  const open = [file]
  while (open.length > 0) {
    for (const target of imports.get(open.pop()) ?? []) {
      if (found.has(target)) continue
      found.add(target)
      open.push(target)
    }
  }
  return found
}
