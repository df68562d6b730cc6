import { createHash, timingSafeEqual } from 'node:crypto'
import { ApiError } from '../api-error.js'
import type { Guard } from './guard.js'

/** Only requests with one of the keys pass: `Authorization: Bearer KEY`, or `x-api-key: KEY` as Anthropic's clients send it. */
export function apiKeyGuard(keys: readonly string[]): Guard {
  const hashes = keys.map(hash)
  return ({ headers }) => {
    const given =
      /^bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1] ?? headers.get('x-api-key')
    const say = (what: string) =>
      new ApiError(401, 'invalid_api_key', `${what}: expected the header Authorization: Bearer KEY`, {
        headers: { 'WWW-Authenticate': 'Bearer' },
      })
    if (given === null) throw say('this server wants an API key, and none came')
    if (!isOneOf(hash(given), hashes)) throw say("the API key is none of this server's")
  }
}

/** Hashes have one length and all of them are compared: how long it takes says nothing of the keys. */
function isOneOf(given: Buffer, hashes: readonly Buffer[]): boolean {
  return hashes.reduce((isFound, one) => timingSafeEqual(one, given) || isFound, false)
}

function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
