import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { QuernError } from '../errors.js'
import { readSmallFile } from '../files/read-file.js'

/** What the environment says about the hub: the variables that Hugging Face's Python library reads, with the same meaning. */
export interface HubEnvironment {
  /** Where models are kept; absolute. */
  cacheDir: string
  /** Where models come from, without a slash at the end. */
  endpoint: string
  token: string | undefined
  /** Use what is there and ask nobody. */
  offline: boolean
}

const maxTokenBytes = 4096

type Variables = Record<string, string | undefined>

/**
 * Reads HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN, HF_TOKEN_PATH and their
 * older names. An empty variable counts as none.
 *
 * @throws {QuernError} `invalid_option` for an endpoint or a token that cannot be one.
 */
export function readEnvironment(variables: Variables = process.env): HubEnvironment {
  const home =
    place(variables, 'HF_HOME') ??
    join(place(variables, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface')
  return {
    cacheDir: resolve(
      place(variables, 'HF_HUB_CACHE') ?? place(variables, 'HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub'),
    ),
    endpoint: readEndpoint(variables.HF_ENDPOINT || 'https://huggingface.co'),
    token: isTrue(variables.HF_HUB_DISABLE_IMPLICIT_TOKEN) ? undefined : readToken(variables, home),
    offline: isTrue(variables.HF_HUB_OFFLINE || variables.TRANSFORMERS_OFFLINE),
  }
}

/** A variable that names a folder or a file; `~` and `$NAME` are filled in as Python does. */
function place(variables: Variables, name: string): string | undefined {
  const text = variables[name]
  if (!text) return undefined
  return text
    .replace(/^~(?=\/|$)/, homedir())
    .replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, plain, braced) => variables[plain ?? braced] ?? whole)
}

function isTrue(text: string | undefined): boolean {
  return /^(1|on|yes|true)$/i.test(text ?? '')
}

function readEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash)
    return url.href.replace(/\/+$/, '')
  // The text may hold a password: it is not repeated.
  throw new QuernError(
    'invalid_option',
    'HF_ENDPOINT: expected the address of a hub, such as https://huggingface.co, without user, query or fragment',
  )
}

function readToken(variables: Variables, home: string): string | undefined {
  const given = variables.HF_TOKEN || variables.HUGGING_FACE_HUB_TOKEN
  const path = place(variables, 'HF_TOKEN_PATH') ?? join(home, 'token')
  const token = (given ?? readSmallFile(path, maxTokenBytes) ?? '').trim()
  if (token === '') return undefined
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new QuernError(
    'invalid_option',
    `the token of ${given ? 'HF_TOKEN' : path} holds characters that no token has; copy it again from your settings on the hub`,
  )
}
