/** A span of time as people say it, from milliseconds: `8 s`, `12 min`, `3.5 h`. */
export function span(ms: number): string {
  const seconds = ms / 1e3
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const minutes = seconds / 60
  return minutes < 90 ? `${Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`
}
