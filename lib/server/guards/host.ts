import { ApiError } from '../api-error.js'
import type { Guard } from './guard.js'

/** What a machine calls itself. */
export const loopbackHosts: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/**
 * Only requests that call the server by one of these names pass, whatever the port. A page of evil.com may have its name lead to 127.0.0.1 and
 * then read what a server on this machine answers, as if it were its own (DNS rebinding); but the browser tells the name.
 */
export function hostGuard(names: readonly string[]): Guard {
  const allowed = new Set(names.map((name) => name.toLowerCase()))
  return (request) => {
    const host = request.headers.get('host') ?? new URL(request.url).host
    const name = host.replace(/:\d+$/, '').toLowerCase()
    if (allowed.has(name)) return
    const message = `this server is not known as '${name.slice(0, 100)}': whoever runs it can add the name (--allowed-host)`
    throw new ApiError(403, 'host_not_allowed', message)
  }
}
