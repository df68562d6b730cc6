import type { ChatMessage } from '../chat/messages.js'
import { Turns } from '../chat/turns.js'
import { QuernError } from '../errors.js'
import type { Prompt } from '../generation/run.js'

/** Room that is kept for an answer of unknown length. */
const mostReserved = 1024

/**
 * The prompt of a conversation that may be too long: without so many of its oldest turns that it fits and leaves room for the answer. They
 * go in blocks of a quarter of the room, so that a growing conversation loses the same turns for a while and is found in the KV cache.
 *
 * Every prompt that is considered is rendered and encoded: what a turn costs depends on the template and on what stands around it.
 *
 * @throws {QuernError} `context_overflow` where the system messages and the last turn alone are too long.
 */
export async function fitConversation(
  messages: readonly ChatMessage[],
  capacity: number,
  maxTokens: number | undefined,
  makePrompt: (messages: readonly ChatMessage[]) => Prompt | Promise<Prompt>,
): Promise<Prompt> {
  const whole = await makePrompt(messages)
  const half = Math.floor(capacity / 2)
  const room = capacity - Math.min(maxTokens ?? mostReserved, maxTokens === undefined ? half / 2 : half)
  if (whole.tokens.length <= room) return whole
  const turns = new Turns(messages)
  const block = Math.max(1, Math.floor(room / 4))
  let target = whole.tokens.length - Math.ceil((whole.tokens.length - room) / block) * block
  // Invariant: dropping `tooFew` leaves too much; `best` is what dropping `enough` gives.
  let tooFew = 0
  let enough = Math.max(turns.count - 1, 0)
  let best = await promptWithout(enough)
  if (best.tokens.length > target) target = room
  while (enough - tooFew > 1) {
    const dropped = (tooFew + enough) >> 1
    const prompt = await promptWithout(dropped)
    if (prompt.tokens.length > target) {
      tooFew = dropped
    } else {
      enough = dropped
      best = prompt
    }
  }
  if (best.tokens.length <= capacity) return best
  throw new QuernError(
    'context_overflow',
    `the last turn and the system messages have ${best.tokens.length} tokens, the context holds ${capacity}: ` +
      'shorten them or, where the model allows a larger contextLength, load it with that',
    { value: best.tokens.length },
  )

  async function promptWithout(dropped: number): Promise<Prompt> {
    if (dropped === 0) return whole
    const kept = turns.without(dropped)
    const prompt = await makePrompt(kept)
    return { ...prompt, dropped: { messages: messages.length - kept.length, turns: dropped } }
  }
}
