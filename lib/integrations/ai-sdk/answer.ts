import type { FinishReason, GenerationResult, Usage } from '../../index.js'
import type { Content, JsonObject, ProviderMetadata, TokenUsage, UnifiedFinishReason } from './spec.js'

/** What a generation ends with, however it is read. */
export type Ending = Pick<
  GenerationResult,
  'finishReason' | 'usage' | 'seed' | 'stop' | 'timings' | 'dropped'
>

/** The end of an answer in the AI SDK's words. */
export function endingOf(ending: Ending): {
  finishReason: UnifiedFinishReason
  usage: TokenUsage
  providerMetadata: ProviderMetadata
} {
  const { finishReason, usage, seed, stop, timings, dropped } = ending
  const details = { seed, stop, timings: { ...timings }, dropped: dropped && { ...dropped } }
  return {
    finishReason: { unified: unified[finishReason], raw: finishReason },
    usage: usageOf(usage),
    providerMetadata: { quern: details },
  }
}

const unified: Record<FinishReason, UnifiedFinishReason['unified']> = {
  stop: 'stop',
  'tool-calls': 'tool-calls',
  length: 'length',
  cancelled: 'other',
}

function usageOf(usage: Usage): TokenUsage {
  const { promptTokens, cachedTokens, completionTokens, reasoningTokens } = usage
  return {
    inputTokens: {
      total: promptTokens,
      noCache: promptTokens - cachedTokens,
      cacheRead: cachedTokens,
      cacheWrite: undefined, // what is computed is kept as far as there is room: nobody counts it
    },
    outputTokens: {
      total: completionTokens,
      text: completionTokens - reasoningTokens,
      reasoning: reasoningTokens,
    },
    raw: { ...usage } satisfies JsonObject,
  }
}

/** For a stream that failed. */
export const noUsage: TokenUsage = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
}

export function contentOf({ reasoning, text, toolCalls }: GenerationResult): Content[] {
  return [
    ...(reasoning === '' ? [] : [{ type: 'reasoning' as const, text: reasoning }]),
    ...(text === '' ? [] : [{ type: 'text' as const, text }]),
    ...toolCalls.map(({ id, name, arguments: input }) => ({
      type: 'tool-call' as const,
      toolCallId: id,
      toolName: name,
      input,
    })),
  ]
}
