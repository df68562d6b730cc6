/**
 * A value from a file as it may stand in an error message: JSON, cut after 80 characters, so that a hostile name of a megabyte
 * stays readable.
 */
export function quote(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number' || value === undefined) return String(value)
  if (Array.isArray(value)) {
    const isShort = value.length <= 8 && !value.some(Array.isArray)
    return isShort ? `[${value.map(quote).join(', ')}]` : `a list of ${value.length}`
  }
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = typeof value === 'string' && value.length > 80 ? `${value.slice(0, 80)}…` : value
  return JSON.stringify(text) ?? typeof value
}
