import { ApiError, apiErrorOf } from './api-error.js'
import type { Call } from './call.js'
import { inWriteTurn } from './write-turns.js'

/** An event of a stream: its data, and its name where the API gives events names. */
export interface ServerSentEvent {
  event?: string
  data: unknown
}

/** Bytes that may wait for a client that reads slowly, before the stream's source has to wait. */
const mostUnsent = 64 * 1024
/** Milliseconds for what is wrong with a request to show itself as an answer of its own; later it comes as an event. */
const graceMs = 1000

/**
 * An answer of server-sent events. What comes before its turn to be written is written at once. A client that reads slowly holds up its
 * own source alone; one that is gone ends it. Comments keep the connection alive while nothing comes.
 *
 * @param describe An error that came after the first event, as an event.
 * @throws {ApiError} or whatever else the source throws before its first event, in the first second.
 */
export async function eventStream(
  source: AsyncGenerator<ServerSentEvent, void, undefined>,
  call: Call,
  describe: (error: unknown) => ServerSentEvent[],
): Promise<Response> {
  const first = source.next()
  await Promise.race([first, after(graceMs)])
  const headers = {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no', // nginx must pass events on as they come
  }
  return new Response(new EventWriter(source, first, call, describe).stream, { headers })
}

class EventWriter {
  readonly stream: ReadableStream<Uint8Array>
  readonly #call: Call
  readonly #encoder = new TextEncoder()
  #controller!: ReadableStreamDefaultController<Uint8Array>
  #unsent = ''
  #isQueued = false
  #resume: (() => void) | undefined
  #isGone = false

  constructor(
    source: AsyncGenerator<ServerSentEvent, void, undefined>,
    first: Promise<IteratorResult<ServerSentEvent, void>>,
    call: Call,
    describe: (error: unknown) => ServerSentEvent[],
  ) {
    this.#call = call
    this.stream = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller
          void this.#pump(source, first, describe)
        },
        pull: () => this.#resume?.(),
        cancel: () => {
          this.#isGone = true
          call.abandon()
          this.#resume?.()
        },
      },
      { highWaterMark: mostUnsent, size: (chunk) => chunk.byteLength },
    )
  }

  async #pump(
    source: AsyncGenerator<ServerSentEvent, void, undefined>,
    first: Promise<IteratorResult<ServerSentEvent, void>>,
    describe: (error: unknown) => ServerSentEvent[],
  ): Promise<void> {
    const keepAlive = setInterval(() => this.#keepAlive(), this.#call.settings.keepAliveMs)
    try {
      for (let next = await first; !next.done && !this.#isGone; next = await source.next()) {
        this.#write(eventText(next.value))
        if ((this.#controller.desiredSize ?? 0) <= 0) await this.#drained()
      }
    } catch (error) {
      this.#tell(error, describe)
    } finally {
      clearInterval(keepAlive)
      this.#close()
      source.return().catch(() => {}) // its own clean-up; what it throws there nobody waits for
      this.#call.end()
    }
  }

  /** A failure that cannot even be told ends the stream all the same. */
  #tell(error: unknown, describe: (error: unknown) => ServerSentEvent[]): void {
    this.#call.failed(error)
    try {
      for (const event of describe(apiErrorOf(error))) this.#write(eventText(event))
    } catch (worse) {
      this.#call.failed(worse)
    }
  }

  #write(text: string): void {
    this.#unsent += text
    if (this.#isQueued) return
    this.#isQueued = true
    inWriteTurn(() => this.#send())
  }

  #send(): void {
    this.#isQueued = false
    if (this.#unsent !== '' && !this.#isGone) this.#controller.enqueue(this.#encoder.encode(this.#unsent))
    this.#unsent = ''
  }

  /** Nothing for a client that has not taken what there is. */
  #keepAlive(): void {
    if (this.#resume === undefined) this.#write(': keep-alive\n\n')
  }

  /** When the client has taken enough for more to be written; one that takes nothing for long is given up. */
  #drained(): Promise<void> {
    const { stallMs } = this.#call.settings
    return new Promise((resolve, reject) => {
      const giveUp = setTimeout(() => {
        const stalled = new ApiError(499, 'client_stalled', `the client took nothing for ${stallMs / 1e3} s`)
        this.#call.abort(stalled)
        this.#isGone = true
        if (!this.#call.hangUp()) this.#controller.error(stalled)
        reject(stalled)
      }, stallMs)
      this.#resume = () => {
        this.#resume = undefined
        clearTimeout(giveUp)
        resolve()
      }
    })
  }

  #close(): void {
    this.#send()
    if (!this.#isGone) this.#controller.close()
  }
}

function eventText({ event, data }: ServerSentEvent): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data)
  return `${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
