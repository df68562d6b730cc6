import { z } from 'zod'
import type { Tokenizer, TokenLogprob, TopLogprob } from '../../index.js'

const entry = z.object({
  token: z.string(),
  logprob: z.number(),
  /** A token may be a part of a character: those of one put together are its bytes. */
  bytes: z.array(z.int()),
})

/** Log-probabilities as the chat endpoint has them, of every token that was generated, the one that ended the answer included. */
export const chatLogprobs = z.object({
  content: z.array(entry.extend({ top_logprobs: z.array(entry) })),
  refusal: z.null(),
})

/** What stands for a probability of zero, whose logarithm JSON cannot say. */
const never = -9999

export function chatLogprobsOf(
  scores: readonly TokenLogprob[],
  tokenizer: Tokenizer,
): z.output<typeof chatLogprobs> {
  const told = ({ id, token, logprob }: TopLogprob) => ({
    token,
    logprob: Math.max(logprob, never),
    bytes: [...tokenizer.bytesOf(id)],
  })
  const content = scores.map((score) => ({ ...told(score), top_logprobs: score.top.map(told) }))
  return { content, refusal: null }
}
