import type { PullProgress } from '../index.js'
import { formatBytes } from './bytes.js'

/** Shows a download. */
export interface DownloadView {
  show(progress: PullProgress): void
  /** Writes a line of something else. */
  print(text: string): void
  end(): void
}

const secondsOfRate = 5

/** For a terminal: one line that is written over, and one that stays for each file that is complete. */
export function downloadBar(write: (text: string) => void, columns: () => number | undefined): DownloadView {
  const erase = '\r\x1b[K'
  const done = finishedFiles()
  const rate = rateMeter()
  let line = ''
  return {
    show(progress) {
      const finished = done(progress).map(({ name, bytes }) => `${name}  ${formatBytes(bytes)}\n`)
      line = barLine(progress, rate(progress.loadedBytes), columns() ?? 80)
      write(`${erase}${finished.join('')}${line}`)
    },
    print(text) {
      write(`${erase}${text}${line}`)
    },
    end() {
      if (line !== '') write(erase)
      line = ''
    },
  }
}

/** For a log: a line for each file that is complete, and one for each tenth of the whole. */
export function downloadLines(write: (text: string) => void): DownloadView {
  const done = finishedFiles()
  let tenths: number | undefined
  return {
    show(progress) {
      const now = Math.floor((10 * progress.loadedBytes) / Math.max(progress.totalBytes, 1))
      for (const { name, bytes } of done(progress)) write(`${name}: ${formatBytes(bytes)}\n`)
      if (tenths !== undefined && now > tenths && now < 10)
        write(`${10 * now} % of ${formatBytes(progress.totalBytes)}\n`)
      tenths = Math.max(tenths ?? 0, now)
    },
    print: write,
    end() {},
  }
}

/** Gives files once, when they have become complete; those that were there from the start do not count. */
function finishedFiles(): (progress: PullProgress) => PullProgress['files'][number][] {
  const open = new Set<string>()
  return ({ files }) =>
    files.filter((file) => {
      if (file.loadedBytes < file.bytes) open.add(file.name)
      else return open.delete(file.name)
      return false
    })
}

/** Bytes per second, of the last seconds. */
function rateMeter(): (bytes: number) => number {
  const samples: { at: number; bytes: number }[] = []
  return (bytes) => {
    const at = performance.now() / 1e3
    samples.push({ at, bytes })
    while (samples.length > 2 && at - (samples[0]?.at ?? at) > secondsOfRate) samples.shift()
    const first = samples[0] ?? { at, bytes }
    return at > first.at ? Math.max(0, bytes - first.bytes) / (at - first.at) : 0
  }
}

function barLine({ loadedBytes, totalBytes, files }: PullProgress, rate: number, columns: number): string {
  const share = totalBytes === 0 ? 1 : loadedBytes / totalBytes
  const open = files
    .filter((file) => file.loadedBytes > 0 && file.loadedBytes < file.bytes)
    .map(({ name }) => name)
  const left = rate > 0 ? duration((totalBytes - loadedBytes) / rate) : '?'
  const filled = Math.round(20 * share)
  const bar = '█'.repeat(filled) + '░'.repeat(20 - filled)
  const text = `${bar} ${Math.floor(100 * share)} %  ${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}  ${formatBytes(rate)}/s  ${left} left  ${open.join(', ')}`
  return text.slice(0, Math.max(0, columns - 1))
}

function duration(seconds: number): string {
  if (seconds >= 360_000) return '>99 h'
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return seconds >= 60
    ? `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
    : `${Math.ceil(seconds)} s`
}
