import { mkdir, mkdtemp, open, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { QuernError } from '../errors.js'
import type { Downloads } from './download.js'
import type { Fetching } from './fetching.js'
import type { FileRules } from './file-rules.js'
import type { RemoteFile } from './listing.js'
import { RangesIgnored } from './status.js'

/** A model as far as its headers tell it. */
export interface ModelHeaders {
  /** Holds the small files, and files of the weights' sizes with nothing but their headers in them. */
  folder: string
  /** Where the model is, or would be, in the cache. */
  path: string
  /** The commit. */
  revision: string
  /** Removes the folder, unless it is the model's own. */
  remove(): Promise<void>
}

/** Most headers are shorter. */
const firstBytes = 512 * 1024
/** Of all headers of a model together; large models have a few megabytes. */
const maxTotalBytes = 512 * 1024 ** 2

/** Fetches a model's small files into the cache, and the headers of its weights into a temporary folder beside links to the others. */
export async function readHeaders(fetching: Fetching, downloads: Downloads): Promise<ModelHeaders> {
  const weights = await fetching.allButWeights()
  const folder = await mkdtemp(join(tmpdir(), 'quern-headers-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const names = new Set(await readdir(fetching.folder))
    for (const { file } of weights) names.delete(file.name.split('/')[0] ?? '')
    for (const name of names) await symlink(join(fetching.folder, name), join(folder, name))
    await fetching.each(weights, async ({ file, path, isThere }) => {
      const target = join(folder, file.name)
      await mkdir(dirname(target), { recursive: true })
      if (isThere) await symlink(join(fetching.folder, file.name), target)
      else await writeHeader(file, path, target, fetching.rules, downloads)
    })
    return { folder, path: fetching.folder, revision: fetching.commit, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Makes a file of the announced size, a hole behind its header. */
async function writeHeader(
  file: RemoteFile,
  path: string,
  target: string,
  { headerBytes }: FileRules,
  downloads: Downloads,
): Promise<void> {
  let header = await fetchStart(path, Math.min(file.bytes, firstBytes), downloads)
  const wanted = headerBytes(header, file.bytes)
  if (wanted > header.byteLength) header = await fetchStart(path, wanted, downloads)
  const handle = await open(target, 'wx')
  try {
    await handle.writeFile(header.subarray(0, wanted))
    await handle.truncate(file.bytes)
  } finally {
    await handle.close()
  }
}

/** The first bytes of a file; a hub that sends all of it is not listened to for longer. */
async function fetchStart(path: string, bytes: number, downloads: Downloads): Promise<Buffer> {
  const { client, signal } = downloads
  if (bytes === 0) return Buffer.alloc(0)
  downloads.received += bytes
  if (downloads.received > maxTotalBytes) {
    throw new QuernError(
      'header_too_large',
      `${client.endpoint}${path}: the headers of the weights take more than ${maxTotalBytes} bytes; pull the model and inspect it then`,
      { value: downloads.received },
    )
  }
  const start = (headers: Record<string, string>) =>
    client.retry(signal, () =>
      client.send({ path, headers, isSmall: true }, signal, async (answer) => {
        if (/^\s*bytes[ =]+[1-9]/i.test(answer.headers.get('content-range') ?? '')) throw new RangesIgnored()
        const pieces: Uint8Array[] = []
        let came = 0
        for await (const piece of answer.body) {
          pieces.push(piece)
          came += piece.byteLength
          if (came >= bytes) return Buffer.concat(pieces).subarray(0, bytes)
        }
        throw new QuernError(
          'hub_checksum',
          `${client.endpoint}${path}: ended after ${came} bytes, expected ${bytes} at least, as the hub announced`,
          { value: came },
        )
      }),
    )
  try {
    return await start({ range: `bytes=0-${bytes - 1}` })
  } catch (error) {
    if (error instanceof RangesIgnored) return start({})
    throw error
  }
}
