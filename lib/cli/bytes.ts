/** Bytes as the hub, disks and bandwidths are counted everywhere in the command line: decimal, three digits. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  const unit = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** unit
  return `${unit === 0 ? Math.round(value) : value.toPrecision(3)} ${units[unit]}`
}
