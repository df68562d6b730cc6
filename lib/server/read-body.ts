import type { z } from 'zod'
import { ApiError, clipped, invalidParam } from './api-error.js'
import { issueWords } from './issue-words.js'
import { isNestedDeeper } from './nesting.js'

/**
 * A request's body: JSON that fits the schema.
 *
 * @throws {ApiError} 413 beyond `maxBytes`, 415 where it is not announced as JSON, 400 where it is none or does not fit.
 */
export async function readBody<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  maxBytes: number,
): Promise<z.output<Schema>> {
  // A page of another site can send text to localhost without asking first, but no JSON.
  const type = request.headers.get('content-type') ?? 'none'
  if (!/^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(type)) {
    const message = `expected a body of the content type application/json, got ${type.slice(0, 100)}`
    throw new ApiError(
      415,
      'unsupported_media_type',
      `${message}; with curl: -H 'Content-Type: application/json'`,
    )
  }
  const packed = request.headers.get('content-encoding') ?? 'identity'
  if (packed !== 'identity') {
    const message = `expected a body as it is, got one of the content encoding ${packed.slice(0, 100)}`
    throw new ApiError(415, 'unsupported_media_type', message)
  }
  const parsed = schema.safeParse(parse(await readText(request, maxBytes)), { error: issueWords })
  if (parsed.success) return parsed.data
  throw issueError(parsed.error.issues[0] as z.core.$ZodIssue)
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = () =>
    new ApiError(413, 'request_too_large', `the body is too large: at most ${maxBytes} bytes are read`)
  const announced = request.headers.get('content-length')
  if (Number(announced ?? 0) > maxBytes) throw tooLarge()
  // What is announced is what comes: node:http sees to it.
  const bytes =
    announced === null ? await readChunks(request, maxBytes, tooLarge) : await request.arrayBuffer()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ApiError(400, 'invalid_json', 'the body is no UTF-8 text')
  }
}

async function readChunks(request: Request, maxBytes: number, tooLarge: () => ApiError): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Levels of a body's lists and objects: beyond some thousands of them whatever goes through them fails. Schemas of tools may have 200. */
const mostLevels = 256

function parse(text: string): unknown {
  if (isNestedDeeper(text, mostLevels)) {
    const message = `the body is nested too deep: lists and objects may be nested at most ${mostLevels} levels deep`
    throw new ApiError(400, 'invalid_json', message)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = text.trim() === '' ? 'it is empty' : (error as Error).message.slice(0, 200)
    throw new ApiError(400, 'invalid_json', `the body is no JSON: ${why}`)
  }
}

/** Where it is wrong first, and what was expected there. */
function issueError(issue: z.core.$ZodIssue): ApiError {
  const { path, message, code } = deepest(issue)
  if (path.length === 0) return new ApiError(400, code, `the body: ${message}`)
  const param = paramName(path)
  return invalidParam(param, `${param}: ${message}`, code)
}

/** A fault, and whether something of another kind is there, or what is there is too large, too long and so on. */
interface Fault {
  path: PropertyKey[]
  message: string
  isOtherKind: boolean
  /** A word for programs, where the schema has one. */
  code: string | null
}

/** Of the alternatives of a union the one that fits best: of the right kind, else the one whose first fault lies deepest. */
function deepest(issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): Fault {
  const path = [...above, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    const stranger = [...path, issue.keys[0] as string]
    return { path: stranger, message: issue.message, isOtherKind: false, code: null }
  }
  const isOtherKind = ['invalid_type', 'invalid_value', 'invalid_union'].includes(issue.code)
  const code = issue.code === 'custom' ? ((issue.params?.code as string | undefined) ?? null) : null
  const own = { path, message: issue.message, isOtherKind, code }
  if (issue.code !== 'invalid_union') return own
  const tries = issue.errors.flatMap((issues) => (issues[0] ? [deepest(issues[0], path)] : []))
  const best = tries.sort(
    (a, b) => Number(a.isOtherKind) - Number(b.isOtherKind) || b.path.length - a.path.length,
  )[0]
  return best && (best.path.length > path.length || !best.isOtherKind) ? best : own
}

const longestKey = 100

/** `messages[0].content`. A key may be as long as its body. */
function paramName(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) =>
      typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${clipped(String(key), longestKey)}`,
    )
    .join('')
}
