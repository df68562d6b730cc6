/**
 * A value from a file as it may stand in an error message: JSON, cut after `most` characters, so that a hostile name of a megabyte
 * stays readable.
 */
export function quote(value: unknown, most = 80): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number' || value === undefined) return String(value)
  if (Array.isArray(value)) {
    const isShort = value.length <= 8 && !value.some(Array.isArray)
    return isShort ? `[${value.map((one) => quote(one)).join(', ')}]` : `a list of ${value.length}`
  }
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = typeof value === 'string' && value.length > most ? `${value.slice(0, most)}…` : value
  return JSON.stringify(text) ?? typeof value
}
