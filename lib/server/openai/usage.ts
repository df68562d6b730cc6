import { z } from 'zod'
import type { Usage } from '../../index.js'

/** Tokens in and out, in OpenAI's words. */
export const usageAnswer = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.object({ cached_tokens: z.int() }),
  completion_tokens_details: z.object({ reasoning_tokens: z.int() }),
})

export type UsageBody = z.output<typeof usageAnswer>

/** Of prompts with their continuations: a prompt counts once, however many continuations it has. */
export function usageBody(prompts: readonly (readonly Usage[])[]): UsageBody {
  const firsts = prompts.flatMap((usages) => usages.slice(0, 1))
  const sum = (usages: readonly Usage[], member: keyof Usage) =>
    usages.reduce((total, usage) => total + usage[member], 0)
  const promptTokens = sum(firsts, 'promptTokens')
  const completionTokens = sum(prompts.flat(), 'completionTokens')
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: sum(firsts, 'cachedTokens') },
    completion_tokens_details: { reasoning_tokens: sum(prompts.flat(), 'reasoningTokens') },
  }
}
