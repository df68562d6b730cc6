import { QuernError } from '../errors.js'
import { expectOurs, guardReceivers } from '../input/guard-receivers.js'
import type { GenerationEvent, GenerationResult } from './result.js'
import { Run } from './run.js'

/** A generation that nobody can read any more is cancelled. */
const abandoned = new FinalizationRegistry<Run>((run) => {
  if (!run.draining) run.cancel()
})

/**
 * Text that is being generated. It starts at once. Iterate it for text as it comes, or ask for the `text()` or the whole `result()`; a
 * reader that falls more than 256 tokens behind pauses it. Leaving a loop early cancels it.
 *
 * @example
 * ```ts
 * const generation = model.generate('Once upon a time', { maxTokens: 100 })
 * for await (const text of generation) process.stdout.write(text)
 * const { usage, timings } = await generation.result()
 * ```
 */
export class Generation implements AsyncIterable<string> {
  readonly #run: Run
  #isIterated = false

  /** @internal */
  constructor(run: Run) {
    expectOurs(run instanceof Run, 'Generation', 'model.generate()')
    this.#run = run
    abandoned.register(this, run)
  }

  /**
   * Text as it comes, in whole characters. A generation can be iterated once, by this or by `events()`.
   *
   * @throws {QuernError} `already_consumed` the second time.
   */
  [Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    this.#claim()
    return this.#endable(this.#texts())
  }

  /**
   * The same as typed events: `text-delta` for text as it comes, `reasoning-delta` for what the model thinks, `tool-call` for the tools that
   * it asks for, `tokens` for tokens of which nothing is known yet, `stream-end` at the end.
   *
   * @throws {QuernError} `already_consumed` the second time.
   * @example
   * ```ts
   * for await (const event of model.generate('2 + 2 =').events()) {
   *   if (event.type === 'stream-end') console.log(event.usage)
   * }
   * ```
   */
  events(): AsyncGenerator<GenerationEvent, void, undefined> {
    this.#claim()
    return this.#endable(this.#events())
  }

  /**
   * The whole text, when it is there.
   *
   * @example
   * ```ts
   * const text = await model.generate('Once upon a time').text()
   * ```
   */
  async text(): Promise<string> {
    return (await this.result()).text
  }

  /**
   * Everything, when it is there: text, tokens, why it ended, usage and timings. Rejects with an aborted signal's reason, or with the error
   * that ended the generation.
   *
   * @example
   * ```ts
   * const { text, finishReason, usage } = await model.generate('Once upon a time').result()
   * ```
   */
  result(): Promise<GenerationResult> {
    this.#run.drain()
    return this.#run.done
  }

  /**
   * Ends it as 'cancelled', at once. What has come so far stays readable.
   *
   * @example
   * ```ts
   * setTimeout(() => generation.cancel(), 1000)
   * ```
   */
  cancel(): void {
    this.#run.cancel()
  }

  /**
   * The text as a web stream of strings, for a Response.
   *
   * @throws {QuernError} `already_consumed` if it is iterated already.
   * @example
   * ```ts
   * const response = new Response(model.generate(prompt).toReadableStream().pipeThrough(new TextEncoderStream()))
   * ```
   */
  toReadableStream(): ReadableStream<string> {
    const texts = this[Symbol.asyncIterator]()
    return new ReadableStream<string>(
      {
        async pull(controller) {
          const { done, value } = await texts.next()
          if (done) controller.close()
          else controller.enqueue(value)
        },
        cancel: async () => {
          this.cancel()
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** @internal What a template literal shows: somebody forgot to ask for the text. */
  toString(): string {
    return '[Generation: await its text() or result(), or iterate it]'
  }

  /** @internal What `JSON.stringify` shows. */
  toJSON(): string {
    return this.toString()
  }

  /** @internal What `console.log` shows. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  static {
    guardReceivers(Generation, (value) => #run in value)
  }

  #claim(): void {
    if (this.#isIterated) {
      throw new QuernError(
        'already_consumed',
        'a generation can be iterated once: keep its text, or ask for its result()',
      )
    }
    this.#isIterated = true
  }

  /** Leaving before the first step must cancel too, and the `finally` of a generator that never began is never run. */
  #endable<T>(generator: AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
    const leave = generator.return.bind(generator)
    const fail = generator.throw.bind(generator)
    generator.return = (value) => {
      this.#run.cancel()
      return leave(value)
    }
    generator.throw = (reason) => {
      this.#run.cancel()
      return fail(reason)
    }
    return generator
  }

  async *#texts(): AsyncGenerator<string, void, undefined> {
    try {
      for (let event = await this.#run.next(); event !== undefined; event = await this.#run.next()) {
        if (event.type === 'text-delta') yield event.text
      }
    } finally {
      this.#run.cancel() // has an effect only where the reader left early
    }
  }

  async *#events(): AsyncGenerator<GenerationEvent, void, undefined> {
    try {
      for (let event = await this.#run.next(); event !== undefined; event = await this.#run.next()) {
        yield event
      }
      const {
        text: _text,
        tokens: _tokens,
        logprobs: _logprobs,
        promptLogprobs: _,
        ...end
      } = await this.#run.done
      yield { type: 'stream-end', ...end }
    } finally {
      this.#run.cancel()
    }
  }
}
