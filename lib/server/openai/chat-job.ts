import type { Generation, Model, Usage } from '../../index.js'
import type { Call } from '../call.js'
import { allResults, interleaved } from '../generations.js'
import type { ChatChoice, ChatPiece } from './chat-answer.js'
import type { ChatRequest } from './chat-body.js'
import { conversationOf } from './chat-messages.js'
import { ChatTeller } from './chat-teller.js'
import { toolsOf } from './chat-tools.js'
import { effortVariables } from './reasoning-effort.js'
import { samplingOptions } from './sampling-params.js'
import type { TextJob } from './text-answer.js'
import { type UsageBody, usageBody } from './usage.js'

/** What is done for a request to the chat endpoint: a conversation is answered `n` times. */
export class ChatJob implements TextJob {
  readonly #request: ChatRequest
  readonly #maxTokens: number | undefined
  readonly #model: Model
  readonly #call: Call
  readonly #tellers: ChatTeller[]

  constructor(request: ChatRequest, maxTokens: number | undefined, model: Model, call: Call) {
    this.#request = request
    this.#maxTokens = maxTokens
    this.#model = model
    this.#call = call
    const mostCalls = request.parallel_tool_calls === false ? 1 : Number.POSITIVE_INFINITY
    const tokenizer = request.logprobs ? model.tokenizer : undefined
    const telling = { mostCalls, tokenizer }
    this.#tellers = Array.from({ length: request.n ?? 1 }, (_, index) => new ChatTeller(index, telling))
  }

  async whole(): Promise<{ choices: ChatChoice[]; usage: UsageBody }> {
    const results = await allResults(this.#start(), this.#call)
    const choices = this.#tellers.flatMap((teller, i) =>
      results.slice(i, i + 1).map((one) => teller.whole(one)),
    )
    return { choices, usage: usageBody([results.map(({ usage }) => usage)]) }
  }

  async *pieces(): AsyncGenerator<{ choices: ChatPiece[] } | { usage: UsageBody }, void, undefined> {
    const usages: Usage[] = []
    for await (const { index, event } of interleaved(this.#start(), this.#call)) {
      if (event.type === 'stream-end') usages[index] = event.usage
      for (const piece of this.#tellers[index]?.pieces(event) ?? []) yield { choices: [piece] }
    }
    yield { usage: usageBody([usages]) }
  }

  #start(): Generation[] {
    const { messages, tools, tool_choice, logprobs, top_logprobs, n = 1 } = this.#request
    const { reasoning_effort, chat_template_kwargs } = this.#request
    return this.#model.generateMany(conversationOf(messages), {
      ...samplingOptions(this.#request),
      n,
      maxTokens: this.#maxTokens,
      logprobs,
      topLogprobs: top_logprobs,
      tools: tools && tool_choice !== 'none' ? toolsOf(tools) : undefined,
      templateVariables: { ...effortVariables(reasoning_effort, this.#model), ...chat_template_kwargs },
      signal: this.#call.signal,
    })
  }
}
