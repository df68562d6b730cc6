/** The same value where members that are undefined are absent, as for a template an undefined member is one that nobody gave. */
export function withoutUndefined(value: unknown, copies = new Map<object, unknown>()): unknown {
  if (typeof value !== 'object' || value === null) return value
  // What is shared is copied once: a value may hold the same list many times over.
  const known = copies.get(value)
  if (known !== undefined) return known
  if (Array.isArray(value)) {
    const copy: unknown[] = []
    copies.set(value, copy)
    for (const item of value) copy.push(withoutUndefined(item, copies))
    return copy
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  const copy: Record<string, unknown> = Object.create(null)
  copies.set(value, copy)
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) copy[name] = withoutUndefined(member, copies)
  }
  return copy
}
