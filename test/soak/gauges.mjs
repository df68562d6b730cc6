// What must stay level in a process that lives for hours.
import { readdirSync } from 'node:fs'

/** Now, after the garbage is gone. */
export function readGauges() {
  global.gc()
  return {
    residentBytes: process.memoryUsage.rss(),
    heapBytes: process.memoryUsage().heapUsed,
    handles: process.getActiveResourcesInfo().length,
    files: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

/**
 * Slope of the values over 0, 1, 2 …: the median of those between any two. A step, as where an allocator takes an arena once, is none, where
 * the line of least squares would have one; what grows all the time has the same by both.
 */
export function slope(values) {
  return median(values.flatMap((y, x) => values.slice(0, x).map((before, i) => (y - before) / (x - i))))
}
