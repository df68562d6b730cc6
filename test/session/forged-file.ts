import { createHash } from 'node:crypto'

/** The pages of a session's file. */
export function pagesOf(file: Buffer): Buffer[] {
  const length = file.readUInt32LE(12)
  const { pageBytes } = JSON.parse(file.toString('utf8', 16, 16 + length)) as { pageBytes: number }
  const pages: Buffer[] = []
  for (let at = 16 + length + 32; at < file.length; at += pageBytes + 32)
    pages.push(file.subarray(at, at + pageBytes))
  return pages
}

/** The file with another header, and all its checksums right. */
export function withHeader(
  file: Buffer,
  change: (header: Record<string, unknown>) => unknown,
  pages?: Buffer[],
  version = file.readUInt32LE(8),
): Buffer {
  const length = file.readUInt32LE(12)
  const header = JSON.parse(file.toString('utf8', 16, 16 + length))
  const json = Buffer.from(JSON.stringify(change(header)))
  const start = Buffer.from(file.subarray(0, 16))
  start.writeUInt32LE(version, 8)
  start.writeUInt32LE(json.length, 12)
  let whole = Buffer.concat([start, json])
  const seal = () => {
    whole = Buffer.concat([whole, createHash('sha256').update(whole).digest()])
  }
  seal()
  for (const page of pages ?? pagesOf(file)) {
    whole = Buffer.concat([whole, page])
    seal()
  }
  return whole
}
