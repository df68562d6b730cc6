import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { packageFolder } from '../../package.js'

/** How a file may be sent, best first. */
export type Encoding = 'br' | 'gzip' | 'identity'

/** A file of the page, as it is sent. */
export interface PageFile {
  type: string
  /** Its name changes with what is in it, so it may be kept for ever. */
  isHashed: boolean
  etag: string
  encodings: Readonly<Record<Encoding, () => Uint8Array<ArrayBuffer>>>
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

/**
 * The files of the page as they were built, by their paths from the page's address; '' is the page itself. They are listed once, so that no
 * request leads anywhere else. None where they were not built, or where a bundler has left them behind.
 */
export function pageFiles(folder = join(packageFolder, 'dist/web')): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>()
  if (!existsSync(folder)) return files
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = /^(.+)\.gz$/.exec(name)?.[1]
    const type = path && types[/\.(\w+)$/.exec(path)?.[1] ?? '']
    if (path && type) files.set(path === 'index.html' ? '' : path, pageFile(join(folder, path), type))
  }
  return files
}

/** Each is stored packed in two ways; for those who take neither it is unpacked. */
function pageFile(path: string, type: string): PageFile {
  const gzip = once(() => new Uint8Array(readFileSync(`${path}.gz`)))
  return {
    type,
    isHashed: /-[\w-]{8}\.\w+$/.test(path),
    etag: createHash('sha256').update(gzip()).digest('base64url').slice(0, 22),
    encodings: {
      br: once(() => new Uint8Array(readFileSync(`${path}.br`))),
      gzip,
      identity: once(() => new Uint8Array(gunzipSync(gzip()))),
    },
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}
