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

/** Least-squares slope of the values over 0, 1, 2 … */
export function slope(values) {
  const meanX = (values.length - 1) / 2
  const meanY = values.reduce((sum, y) => sum + y, 0) / values.length
  let covariance = 0
  let variance = 0
  values.forEach((y, x) => {
    covariance += (x - meanX) * (y - meanY)
    variance += (x - meanX) ** 2
  })
  return covariance / variance
}
