import { QuernError } from '../index.js'

/** The endpoints that a line may ask. */
const batchUrls = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings'] as const

/** What a line of a batch asks for. */
export interface BatchRequest {
  customId: string
  url: (typeof batchUrls)[number]
  body: Readonly<Record<string, unknown>>
}

/** What is wrong with a line: it gets no answer, but this. */
export class LineFault extends QuernError {
  /** The line's own name, where it has one. */
  readonly customId: string | null

  constructor(message: string, customId: string | null = null) {
    super('invalid_input', message)
    this.customId = customId
  }
}

const longestId = 512
/** Of what is wrong, as messages quote it. */
const longestQuote = 80

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a line of OpenAI's batch format.
 *
 * @throws {LineFault}
 */
export function parseRequest(line: string | Uint8Array | undefined): BatchRequest {
  if (line === undefined) throw new LineFault('the line is too long')
  const { custom_id, method, url, body } = parseObject(line)
  if (typeof custom_id !== 'string' || custom_id === '' || custom_id.length > longestId)
    throw new LineFault(
      `custom_id: expected a text of 1 to ${longestId} characters, got ${quoted(custom_id)}`,
    )
  const refuse = (message: string) => new LineFault(message, custom_id)
  if (method !== 'POST') throw refuse(`method: expected "POST", got ${quoted(method)}`)
  if (!isBatchUrl(url)) throw refuse(`url: expected one of ${batchUrls.join(', ')}, got ${quoted(url)}`)
  if (!isObject(body)) throw refuse(`body: expected an object, got ${quoted(body)}`)
  if (body.stream === true) throw refuse('body.stream: an answer in a batch is one line, so it is no stream')
  return { customId: custom_id, url, body }
}

function parseObject(line: string | Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(typeof line === 'string' ? line : decoder.decode(line))
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message.slice(0, 200) : 'it is no UTF-8 text'
    throw new LineFault(`the line is no JSON: ${why}`)
  }
  if (!isObject(value)) throw new LineFault(`expected an object, got ${quoted(value)}`)
  return value
}

function isBatchUrl(url: unknown): url is BatchRequest['url'] {
  return (batchUrls as readonly unknown[]).includes(url)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function quoted(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (isObject(value)) return 'an object'
  const text = JSON.stringify(value)
  return text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text
}
