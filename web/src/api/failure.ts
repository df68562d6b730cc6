/** Why the server gave no answer, or not all of it. */
export type FailureKind =
  /** It cannot be reached, or is gone in the middle of an answer. */
  | 'unreachable'
  /** It wants an API key, or another one. */
  | 'unauthorized'
  /** It says what is wrong. */
  | 'refused'

/** A request that failed, with the server's own words where it had any. */
export class Failure extends Error {
  readonly kind: FailureKind
  readonly code: string | undefined

  constructor(kind: FailureKind, message: string, code?: string) {
    super(message)
    this.kind = kind
    this.code = code
  }
}

/** What an answer that is no success says. */
export async function failureOf(response: Response): Promise<Failure> {
  const kind = response.status === 401 ? 'unauthorized' : 'refused'
  const { message, code } = errorIn(await response.text().then(parsed, () => undefined))
  return new Failure(kind, message ?? `HTTP ${response.status}`, code)
}

/** The error in a body or an event, as OpenAI's API has it. */
export function errorIn(body: unknown): { message?: string; code?: string } {
  const error = (body as { error?: { message?: unknown; code?: unknown } } | null | undefined)?.error
  return {
    ...(typeof error?.message === 'string' && { message: error.message }),
    ...(typeof error?.code === 'string' && { code: error.code }),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
