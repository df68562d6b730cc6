import { randomUUID } from 'node:crypto'

/** The id of a request: the one that came with it, from a proxy for instance, if it is a plain word; else a new one. */
export function requestId(request: Request): string {
  const given = request.headers.get('x-request-id') ?? ''
  return /^[\w.:-]{1,128}$/.test(given) ? given : `req_${randomUUID().replaceAll('-', '')}`
}
