import type { GenerateInput, Generation, Model, Usage } from '../../index.js'
import type { Call } from '../call.js'
import { allResults, interleaved } from '../generations.js'
import { checkTokens, type TextInput } from '../text-inputs.js'
import { ChoiceTeller } from './choice-teller.js'
import type { CompletionAnswer } from './completion-answer.js'
import type { CompletionsRequest } from './completions-body.js'
import { type Echo, echoOf } from './echo.js'
import { samplingOptions } from './sampling-params.js'
import type { TextJob } from './text-answer.js'
import { type UsageBody, usageBody } from './usage.js'

type Choices = CompletionAnswer['choices']

/** What is done for a request to the completions endpoint: each of its prompts is continued `n` times. */
export class CompletionJob implements TextJob {
  readonly #request: CompletionsRequest
  readonly #maxTokens: number
  readonly #model: Model
  readonly #call: Call
  readonly #each: number

  constructor(request: CompletionsRequest, maxTokens: number, model: Model, call: Call) {
    this.#request = request
    this.#maxTokens = maxTokens
    this.#model = model
    this.#call = call
    this.#each = request.n ?? 1
  }

  async whole(): Promise<{ choices: Choices; usage: UsageBody }> {
    const echoes = await this.#echoes()
    const tellers = this.#tellers(echoes)
    const results = await allResults(this.#start(echoes), this.#call)
    const choices = tellers.flatMap((teller, i) => {
      const result = results[i]
      const choice = result ? teller.whole(result) : teller.begin(true)
      return choice ? [choice] : []
    })
    const usages = results.map(({ usage }) => usage)
    return { choices, usage: this.#usage(echoes, usages) }
  }

  /** What comes of it as it comes, then what it used. */
  async *pieces(): AsyncGenerator<{ choices: Choices } | { usage: UsageBody }, void, undefined> {
    const echoes = await this.#echoes()
    const tellers = this.#tellers(echoes)
    for (const teller of tellers) {
      const begin = teller.begin(this.#maxTokens === 0)
      if (begin) yield { choices: [begin] }
    }
    const usages: Usage[] = []
    for await (const { index, event } of interleaved(this.#start(echoes), this.#call)) {
      if (event.type === 'stream-end') usages[index] = event.usage
      const piece = tellers[index]?.piece(event)
      if (piece) yield { choices: [piece] }
    }
    yield { usage: this.#usage(echoes, usages) }
  }

  async #echoes(): Promise<(Echo | undefined)[]> {
    const { isList, inputs } = this.#request.prompt
    for (const [i, input] of inputs.entries())
      if (typeof input !== 'string') checkTokens(this.#model, input, isList ? `prompt[${i}]` : 'prompt')
    const { echo, logprobs, priority, prompt } = this.#request
    const options = { priority, signal: this.#call.signal }
    return Promise.all(
      prompt.inputs.map((input) => (echo ? echoOf(this.#model, input, logprobs, options) : undefined)),
    )
  }

  #tellers(echoes: readonly (Echo | undefined)[]): ChoiceTeller[] {
    const tokenizer = this.#request.logprobs === undefined ? undefined : this.#model.tokenizer
    return echoes.flatMap((echo, prompt) =>
      Array.from(
        { length: this.#each },
        (_, i) => new ChoiceTeller(prompt * this.#each + i, echo, tokenizer),
      ),
    )
  }

  #start(echoes: readonly (Echo | undefined)[]): Generation[] {
    if (this.#maxTokens === 0) {
      for (const echo of echoes) this.#call.took(echo?.tokens.length ?? 0)
      return []
    }
    const { prompt, logprobs } = this.#request
    const options = {
      ...samplingOptions(this.#request),
      n: this.#each,
      maxTokens: this.#maxTokens,
      logprobs: logprobs !== undefined,
      topLogprobs: logprobs,
      signal: this.#call.signal,
    }
    return prompt.inputs.flatMap((input, i) => this.#model.generateMany(inputOf(input, echoes[i]), options))
  }

  /** Where prompts were computed to be echoed, the KV cache knew them from this very request, which is nothing to tell. */
  #usage(echoes: readonly (Echo | undefined)[], usages: readonly Usage[]): UsageBody {
    const prompts = echoes.map((echo, i) => {
      const own = usages.slice(i * this.#each, (i + 1) * this.#each)
      if (echo && own.length === 0) return [echoUsage(echo)]
      return echo?.scores ? own.map((usage) => ({ ...usage, cachedTokens: 0 })) : own
    })
    return usageBody(prompts)
  }
}

function inputOf(input: TextInput, echo: Echo | undefined): GenerateInput {
  const tokens = echo?.tokens ?? (typeof input === 'string' ? undefined : input)
  return tokens ? { tokens } : (input as string)
}

function echoUsage({ tokens }: Echo): Usage {
  return { promptTokens: tokens.length, cachedTokens: 0, completionTokens: 0, reasoningTokens: 0 }
}
