/** The name that was probably meant: the same but for case and underscores, or two letters away at most; undefined where there is none. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const plain = (name: string) => name.slice(0, 64).replace(/[_-]/g, '').toLowerCase()
  let nearest: { name: string; distance: number } | undefined
  for (const name of names) {
    const distance = editDistance(plain(given), plain(name))
    const isNear = distance <= Math.min(2, Math.floor(name.length / 3))
    if (isNear && distance < (nearest?.distance ?? Number.POSITIVE_INFINITY)) nearest = { name, distance }
  }
  return nearest?.name
}

/** Letters to insert, drop, replace or swap with their neighbour (optimal string alignment), in rows of the usual table. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1)
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwapped) least = Math.min(least, (before[j - 2] as number) + 1)
      next.push(least)
    }
    before = row
    row = next
  }
  return row[b.length] as number
}
