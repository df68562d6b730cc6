import type { Context, Hono } from 'hono'
import { ApiError } from '../api-error.js'
import { type Encoding, type PageFile, pageFiles } from './page-files.js'

/**
 * What the page may do: run what came with it and talk to the server that it came from, nothing else. Text that a model wrote could not run or
 * fetch anything even if it got past the page's own cleaning.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const sharedHeaders = {
  'Content-Security-Policy': policy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  Vary: 'Accept-Encoding',
}

/** What a request for the page is told where it may not have it. */
type Refuse = (context: Context, why: () => ApiError) => Response

/**
 * Serves the page and its files. They are for everybody whom `refusal` lets pass, with an API key or without: there is nothing in them that the
 * package does not show to all the world, and the page asks for the key itself.
 */
export function addPage(app: Hono, check: (request: Request) => void, refuse: Refuse): void {
  let files: ReadonlyMap<string, PageFile> | undefined
  const respond = (context: Context, path: string): Response => {
    try {
      check(context.req.raw)
    } catch (error) {
      return refuse(context, () => {
        throw error
      })
    }
    files ??= pageFiles()
    const file = files.get(path)
    if (!file) return refuse(context, () => notThere(path, files?.size === 0))
    // Its files are asked for by relative paths; where an app is mounted, its own path has no slash at the end.
    if (!/\/([^/]+\.\w+)?$/.test(context.req.path))
      return context.redirect(`${context.req.path}/index.html`, 308)
    return fileResponse(file, context.req.raw)
  }
  for (const path of ['/', '/index.html']) app.get(path, (context) => respond(context, ''))
  app.get('/assets/:name', (context) => respond(context, `assets/${context.req.param('name')}`))
  for (const path of ['/', '/index.html', '/assets/:name'])
    app.all(path, (context) => refuse(context, wrongMethod))
}

function fileResponse({ type, isHashed, etag, encodings }: PageFile, { method, headers }: Request): Response {
  const encoding = chosenEncoding(headers.get('accept-encoding') ?? '')
  const tag = `"${etag}-${encoding}"`
  const sent = {
    ...sharedHeaders,
    'Content-Type': type,
    'Cache-Control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    ETag: tag,
    ...(encoding !== 'identity' && { 'Content-Encoding': encoding }),
  }
  if (isKnown(headers.get('if-none-match'), tag)) return new Response(null, { status: 304, headers: sent })
  const bytes = encodings[encoding]()
  const length = { 'Content-Length': String(bytes.byteLength) }
  return new Response(method === 'HEAD' ? null : bytes, { headers: { ...sent, ...length } })
}

/** The best that the client says it takes. */
function chosenEncoding(accepted: string): Encoding {
  const takes = (name: string) =>
    accepted.split(',').some((one) => {
      const [coding = '', weight = ''] = one.split(';')
      return coding.trim().toLowerCase() === name && !/^\s*q=0(\.0*)?\s*$/i.test(weight)
    })
  if (takes('br')) return 'br'
  return takes('gzip') ? 'gzip' : 'identity'
}

function isKnown(tags: string | null, tag: string): boolean {
  const known = (tags ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''))
  return known.includes(tag) || known.includes('*')
}

function notThere(path: string, isUnbuilt: boolean): ApiError {
  const message = isUnbuilt ? 'the page was not built' : `there is no GET /${path.slice(0, 200)} here`
  return new ApiError(404, 'not_found', message)
}

function wrongMethod(): ApiError {
  return new ApiError(405, 'method_not_allowed', 'the page is there for GET and HEAD', {
    headers: { Allow: 'GET, HEAD' },
  })
}
