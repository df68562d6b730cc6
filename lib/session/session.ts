import { checkMessages } from '../chat/check-messages.js'
import type { ChatMessage } from '../chat/messages.js'
import { QuernError } from '../errors.js'
import type { Generation } from '../generation/generation.js'
import { type GenerateOptions, generateOptionNames, takeGenerateOptions } from '../generation/options.js'
import { Requests } from '../generation/requests.js'
import type { GenerationResult } from '../generation/result.js'
import { invalidOption } from '../input/check-option.js'
import { expectOurs, guardReceivers } from '../input/guard-receivers.js'
import { isArray, takeData } from '../input/take-data.js'
import { takeOptions } from '../input/take-options.js'
import { takePath } from '../input/take-text.js'
import { saveSession } from './save-session.js'
import type { SessionModel } from './session-model.js'

/**
 * How a session begins, and what its replies are generated with unless `chat()` says otherwise.
 *
 * @example
 * ```ts
 * const options: SessionOptions = { system: 'Be terse.', maxTokens: 256, contextOverflow: 'truncate' }
 * ```
 */
export interface SessionOptions extends Omit<GenerateOptions, 'signal' | 'continueFinalMessage'> {
  /** A system message, put before `messages`. */
  system?: string | undefined
  /** A conversation to go on with. */
  messages?: readonly ChatMessage[] | undefined
}

/** @internal The options of a session as a copy of our own, before anything of them is checked or used. */
export function takeSessionOptions(call: string, options: SessionOptions): SessionOptions {
  return takeOptions(call, options, ['system', 'messages', ...generateOptionNames], ['signal'])
}

/**
 * A conversation that keeps itself. It is nothing but its messages: what the model has computed of them is found again in the KV cache, for
 * this session and its forks alike.
 *
 * @example
 * ```ts
 * const session = model.session({ system: 'Be terse.' })
 * await session.chat('Why is the sky blue?').text()
 * const other = session.fork()
 * await Promise.all([session.chat('And at sunset?').text(), other.chat('And on Mars?').text()])
 * await session.save('sky.session')
 * ```
 */
export class Session {
  readonly #model: SessionModel
  readonly #options: GenerateOptions
  #messages: readonly ChatMessage[]
  #isReplying = false

  /** @internal */
  constructor(model: SessionModel, given: SessionOptions) {
    expectOurs(model?.pages?.requests instanceof Requests, 'Session', 'model.session()')
    const { system, messages = [], ...options } = given
    for (const name of ['signal', 'continueFinalMessage']) {
      if (options[name as keyof typeof options] !== undefined)
        throw invalidOption(name, 'this option with chat(), not with the session', options[name as never])
    }
    if (system !== undefined && typeof system !== 'string') throw invalidOption('system', 'a text', system)
    if (!Array.isArray(messages)) throw invalidOption('messages', 'an array of messages', messages)
    this.#model = model
    this.#options = options
    this.#messages = own(system === undefined ? messages : [{ role: 'system', content: system }, ...messages])
  }

  /**
   * The conversation so far, replies included; while a reply runs, up to the message that it answers. Nobody can change it.
   *
   * @example
   * ```ts
   * const lastReply = session.messages.at(-1)?.content
   * ```
   */
  get messages(): readonly ChatMessage[] {
    return this.#messages
  }

  /**
   * Says something and generates the reply. When it ends, the reply is part of the conversation. A reply that was cancelled keeps the text so
   * far, and so does one that a signal aborted with `keepOnAbort`; one that failed, was aborted otherwise, or was cancelled before it said
   * anything leaves the conversation as it was before.
   *
   * Nothing is thrown: reading the reply rejects, with `session_busy` while another is running and with `invalid_input` where there is
   * nothing to answer, besides all that `generate()` rejects with.
   *
   * @param input A text that the user says, or messages (a tool's answers, for example). An empty list answers the conversation as it
   * stands, or continues its last message with `continueFinalMessage`.
   * @example
   * ```ts
   * for await (const text of session.chat('Tell me a story.', { maxTokens: 200 })) process.stdout.write(text)
   * ```
   */
  chat(input: string | ChatMessage | readonly ChatMessage[], options?: GenerateOptions): Generation
  /**
   * Answers the conversation as it stands, which is what follows an {@link Session.edit}.
   *
   * @example
   * ```ts
   * const text = await session.chat().text()
   * ```
   */
  chat(): Generation
  chat(...call: ChatCall): Generation {
    try {
      return this.#reply(call)
    } catch (reason) {
      return this.#model.refused(reason)
    }
  }

  #reply(call: ChatCall): Generation {
    const [input = [], options = {}] = call
    const merged = { ...this.#options, ...takeGenerateOptions('session.chat', options) }
    const said = own(saidBy(call, input))
    this.#checkIdle() // last: reading what is given may run code of the caller's, which may say something too
    const before = this.#messages
    if (said.length === 0 && before.at(-1)?.role === 'assistant' && merged.continueFinalMessage !== true)
      throw nothingToAnswer()
    const conversation = Object.freeze([...before, ...said])
    this.#messages = conversation
    this.#isReplying = true
    return this.#model.reply(conversation, merged, (result) => {
      this.#isReplying = false
      this.#messages = before // unless there is a reply to keep
      if (result === undefined || isSilent(result)) return
      this.#messages =
        merged.continueFinalMessage === true
          ? continued(conversation, result)
          : Object.freeze([...conversation, ...own([result.message])])
    })
  }

  /**
   * Replaces a message and drops all that follows it. A text keeps the message's role. `chat()` without a message then answers it anew.
   *
   * @throws {QuernError} `invalid_option` where there is no such message, `invalid_input`, `session_busy`.
   * @example
   * ```ts
   * session.edit(session.messages.length - 2, 'Why is the sea blue?')
   * const text = await session.chat().text()
   * ```
   */
  edit(index: number, message: string | ChatMessage): void {
    const given = typeof message === 'string' ? undefined : own([message])
    this.#checkIdle()
    const old = Number.isInteger(index) ? this.#messages[index] : undefined
    if (old === undefined)
      throw invalidOption('index', `a message's number, below ${this.#messages.length}`, index)
    const replaced = given ?? own([{ role: old.role, content: message as string }])
    this.#messages = Object.freeze([...this.#messages.slice(0, index), ...replaced])
  }

  /**
   * Keeps the first `length` messages.
   *
   * @throws {QuernError} `invalid_option`, `session_busy`.
   * @example
   * ```ts
   * session.truncate(session.messages.length - 2) // takes the last question and its reply back
   * ```
   */
  truncate(length: number): void {
    this.#checkIdle()
    if (!Number.isInteger(length) || length < 0 || length > this.#messages.length)
      throw invalidOption('length', `a whole number from 0 to ${this.#messages.length}`, length)
    this.#messages = Object.freeze(this.#messages.slice(0, length))
  }

  /**
   * A session that goes its own way from here. The two share what is computed of the conversation so far.
   *
   * @throws {QuernError} `session_busy`.
   * @example
   * ```ts
   * const drafts = [session.fork(), session.fork()].map((fork) => fork.chat('Write the introduction.').text())
   * ```
   */
  fork(): Session {
    this.#checkIdle()
    return new Session(this.#model, { ...this.#options, messages: this.#messages })
  }

  /**
   * Writes the conversation to a file, with what the model has computed of it, as far as that is in the KV cache. The file appears whole or
   * not at all. The session's options are not saved.
   *
   * @throws {QuernError} `session_busy`, `closed`, `invalid_input` for what is no path or no JSON, `disk_full` or `write_error` where the file cannot be written.
   * @example
   * ```ts
   * await session.save('sky.session')
   * const later = await model.loadSession('sky.session')
   * ```
   */
  async save(path: string): Promise<void> {
    this.#checkIdle()
    await saveSession(takePath('save', path), this.#messages, this.#options, this.#model)
  }

  static {
    guardReceivers(Session, (value) => #model in value)
  }

  #checkIdle(): void {
    if (!this.#isReplying) return
    throw new QuernError(
      'session_busy',
      'the session is replying: await the reply or cancel it first, or fork() the session before it',
    )
  }
}

type ChatCall = [input?: string | ChatMessage | readonly ChatMessage[], options?: GenerateOptions]

/** The messages that a call adds. A variable that happens to be undefined is no wish to have the conversation answered as it stands. */
function saidBy(
  call: readonly unknown[],
  input: string | ChatMessage | readonly ChatMessage[],
): readonly ChatMessage[] {
  if (call.length > 0 && call[0] === undefined) {
    throw new QuernError(
      'invalid_input',
      'session.chat: expected a text or messages, got undefined; chat(), or chat([], options), answers the conversation as it stands',
    )
  }
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  return (isArray(input) ? input : [input]) as readonly ChatMessage[]
}

function nothingToAnswer(): QuernError {
  return new QuernError(
    'invalid_input',
    'session.chat: the last message is a reply already; say something, edit() or truncate() the conversation, or go on with the reply by continueFinalMessage: true',
  )
}

/** A copy that nobody can change. */
function own(given: readonly ChatMessage[]): readonly ChatMessage[] {
  const messages = takeData('messages', given, 'invalid_input')
  if (messages.length > 0) checkMessages(messages)
  try {
    return deepFreeze(structuredClone(messages)) as readonly ChatMessage[] // which no function survives
  } catch (cause) {
    throw new QuernError('invalid_input', `messages: expected plain data: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFreeze(member)
  }
  return value
}

function isSilent({ finishReason, message }: GenerationResult): boolean {
  const { content, tool_calls, reasoning_content } = message
  return finishReason === 'cancelled' && content === '' && !tool_calls && !reasoning_content
}

/** The last message with what was generated after it. */
function continued(
  conversation: readonly ChatMessage[],
  { message }: GenerationResult,
): readonly ChatMessage[] {
  const last = conversation.at(-1) as ChatMessage
  const reasoning = (last.reasoning_content ?? '') + (message.reasoning_content ?? '')
  const calls = [...(last.tool_calls ?? []), ...(message.tool_calls ?? [])]
  const content =
    typeof last.content === 'object' && last.content !== null
      ? [...last.content, { type: 'text' as const, text: message.content }]
      : (last.content ?? '') + message.content
  const whole = {
    ...last,
    content,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
  return Object.freeze([...conversation.slice(0, -1), ...own([whole])])
}
