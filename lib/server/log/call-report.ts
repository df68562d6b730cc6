import type { Usage } from '../../index.js'
import type { Outcome } from '../metrics/server-metrics.js'

type TokenCounts = Omit<Usage, 'reasoningTokens'>

/** What a log tells of a request. */
export class CallReport {
  readonly id: string
  readonly method: string
  /** Without what follows a question mark. */
  readonly path: string
  /** The name of the model that it wanted. */
  model: string | undefined
  /** Tokens of all its prompts and generations. */
  usage: TokenCounts | undefined
  /** Milliseconds to the first token of the first of its generations. */
  firstTokenMs: number | undefined
  /** What went wrong first. */
  error: unknown
  readonly #began = performance.now()

  constructor(id: string, method: string, path: string) {
    this.id = id
    this.method = method
    this.path = path
  }

  completed({ usage, timings }: Outcome): void {
    this.took(usage)
    this.firstTokenMs = Math.min(this.firstTokenMs ?? Number.POSITIVE_INFINITY, timings.firstTokenMs)
  }

  took({ promptTokens, cachedTokens, completionTokens }: TokenCounts): void {
    const { usage } = this
    this.usage = {
      promptTokens: (usage?.promptTokens ?? 0) + promptTokens,
      cachedTokens: (usage?.cachedTokens ?? 0) + cachedTokens,
      completionTokens: (usage?.completionTokens ?? 0) + completionTokens,
    }
  }

  /** Milliseconds since it came. */
  age(): number {
    return performance.now() - this.#began
  }
}
