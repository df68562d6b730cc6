import { InvalidArgumentError } from 'commander'

const factors: Record<string, number> = { '': 1, b: 1 }
for (const [i, letter] of ['k', 'm', 'g', 't'].entries()) {
  factors[`${letter}b`] = 1000 ** (i + 1)
  factors[letter] = 1000 ** (i + 1)
  factors[`${letter}ib`] = 1024 ** (i + 1)
}

/** A flag's bytes: `2GB`, `512MB`, `1.5 GiB` or a whole number of them. */
export function byteCount(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? []
  const factor = unit === undefined ? undefined : factors[unit.toLowerCase()]
  const bytes = Math.round(Number(number) * (factor ?? Number.NaN))
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes
  throw new InvalidArgumentError('expected bytes, as in 2GB, 512MB, 1.5GiB or 2000000000')
}

/** Bytes as the hub, disks and bandwidths are counted everywhere in the command line: decimal, three digits. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  const unit = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** unit
  return `${unit === 0 ? Math.round(value) : value.toPrecision(3)} ${units[unit]}`
}
