import { QuernError } from '../errors.js'
import { quote } from '../files/quote.js'
import { Transient } from './retry.js'

/** The peer does not send parts of files as they are asked for. */
export class RangesIgnored extends Error {}

/** Where an answer came from. */
export interface Asked {
  url: URL
  /** The hub itself, not a host that it redirected to. */
  isHub: boolean
  hasToken: boolean
  /** The first part of a file was asked for, which every file has. */
  isStart: boolean
}

/**
 * Lets an answer through that says success; any other becomes an error that says what to do.
 *
 * @throws {QuernError} `hub_not_found`, `hub_unauthorized`, `hub_unavailable`; or `Transient` for what may pass, `RangesIgnored`.
 */
export async function checkStatus(response: Response, asked: Asked): Promise<void> {
  const { status, headers } = response
  if (status === 200 || status === 206) return
  await response.body?.cancel().catch(() => {})
  if (status === 416 && asked.isStart) throw new RangesIgnored()
  // Without the query: it may be signed.
  const where = `${asked.url.origin}${asked.url.pathname}`
  const said = headers.get('x-error-message')
  const answer = `${where}: the hub answered ${status}${said ? `, ${quote(said)}` : ''}`
  const fail = (code: ConstructorParameters<typeof QuernError>[0], advice: string) =>
    new QuernError(code, `${answer}; ${advice}`, { value: status })
  if (status === 429) {
    const advice = `it was asked too often; try again later${asked.hasToken ? '' : ', or set HF_TOKEN, which allows more'}`
    throw new Transient(fail('hub_rate_limited', advice), { waitMs: waitOf(headers) })
  }
  if (status >= 500 || status === 408 || status === 425) {
    throw new Transient(fail('hub_unavailable', 'it has trouble; try again later'), {
      waitMs: waitOf(headers),
    })
  }
  // A host that stores files answers so when the link to it is too old; the hub gives a new one.
  if (!asked.isHub)
    throw new Transient(fail('hub_unavailable', 'the host of the files refuses; try again later'))
  if (status === 401 || status === 403) throw fail('hub_unauthorized', accessAdvice(headers, asked))
  if (status === 404 || status === 410) throw fail('hub_not_found', missingAdvice(headers))
  throw fail('hub_unavailable', 'expected 200; check HF_ENDPOINT')
}

function accessAdvice(headers: Headers, { url, hasToken }: Asked): string {
  const [, id] = /^.*?\/(?:api\/models\/)?([^/]+\/[^/]+)\/(?:revision|resolve)\//.exec(url.pathname) ?? []
  const page = `${url.origin}/${id ?? ''}`
  if (headers.get('x-error-code') === 'GatedRepo') {
    return `the model is gated: accept its licence at ${page}, then ${hasToken ? 'use a token of that account' : 'set HF_TOKEN'}`
  }
  return hasToken
    ? `the model does not exist, or HF_TOKEN gives no access to it: check the name and the token, and accept the licence at ${page} if it asks for that`
    : `the model does not exist, or it is private or gated: check the name; then set HF_TOKEN, and accept the licence at ${page} if it asks for that`
}

function missingAdvice(headers: Headers): string {
  switch (headers.get('x-error-code')) {
    case 'RevisionNotFound':
      return 'the model has no such revision: check the branch, tag or commit'
    case 'EntryNotFound':
      return 'the model has no such file'
    default:
      return 'there is no such model or revision: check the name'
  }
}

/** `Retry-After` in milliseconds: seconds, or a date. */
function waitOf(headers: Headers): number | undefined {
  const text = headers.get('retry-after')
  if (text === null) return undefined
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1e3
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1e3) : undefined
}
