import { QuernError } from '../index.js'

/** What people say of what the system calls so. */
const reasons: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'is a folder: expected a file',
  EACCES: 'this user may not open it',
  EROFS: 'the disk may only be read',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of disk space is used up',
}

/** What went wrong with a file of a batch. */
export function fileError(path: string, cause: unknown, code: 'read_error' | 'write_error'): QuernError {
  if (cause instanceof QuernError) return cause
  const { code: name = '', message } = cause as NodeJS.ErrnoException
  const isFull = name === 'ENOSPC' || name === 'EDQUOT'
  const isMissing = name === 'ENOENT' && code === 'read_error'
  const actual = isFull ? 'disk_full' : isMissing ? 'missing_file' : code
  return new QuernError(actual, `${path}: ${reasons[name] ?? message}`, { value: path, cause })
}
