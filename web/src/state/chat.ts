import { chatStream } from '../api/chat-stream.ts'
import { Failure } from '../api/failure.ts'
import { requestBody } from '../conversation/request-body.ts'
import { forked, siblings, thread, throughMessage, withChanged, withMessage } from '../conversation/thread.ts'
import { titleOf } from '../conversation/title.ts'
import type { AssistantMessage, Conversation, Message, Settings } from '../conversation/types.ts'
import type { Conversations } from './conversations.ts'
import type { Preferences } from './preferences.ts'
import { Reply } from './reply.ts'
import type { Server } from './server.ts'
import { Store } from './store.ts'

/** Milliseconds between copies of a reply that is being written, for the case that the page ends in the middle. */
const keptEvery = 2000

/** A reply that is being written, as it was when it was last drawn. */
export interface Writing {
  conversation: string
  message: AssistantMessage
}

/** Everything that can be done in a conversation. */
export class Chat {
  /** The conversation that is shown; null: one that is about to begin. */
  readonly current = new Store<string | null>(null)
  readonly writing = new Store<Writing | null>(null)
  /** The conversation in which it is. */
  readonly isWriting = new Store<string | null>(null)
  /** The settings of the conversation that is about to begin. */
  readonly draft: Store<Settings>
  readonly conversations: Conversations
  readonly server: Server
  readonly #preferences: Store<Preferences>
  #controller: AbortController | undefined

  constructor(conversations: Conversations, server: Server, preferences: Store<Preferences>) {
    this.conversations = conversations
    this.server = server
    this.#preferences = preferences
    this.draft = new Store(preferences.get().settings)
  }

  open(id: string | null): void {
    this.current.set(id)
  }

  settings(): Settings {
    return this.conversations.get(this.current.get())?.settings ?? this.draft.get()
  }

  /** Of the conversation that is shown, and of those that begin later. */
  setSettings(settings: Settings): void {
    const id = this.current.get()
    if (id !== null) this.conversations.update(id, (one) => ({ ...one, settings }))
    this.draft.set(settings)
    this.#preferences.set({ ...this.#preferences.get(), settings: { ...settings, seed: null } })
  }

  /** Says something and has it answered. */
  send(content: string): void {
    const conversation = this.#shown(content)
    this.#add(conversation, { ...this.#node(conversation.head), role: 'user', content })
  }

  /** Says it otherwise, in the place of a message. */
  edit({ id, parent }: Message, content: string): void {
    const conversation = this.conversations.get(this.current.get())
    if (!conversation?.messages.some((one) => one.id === id)) return
    this.#add(conversation, { ...this.#node(parent), role: 'user', content })
  }

  /** Has the question before an answer answered anew; the answer stays, as another version. */
  regenerate(message: AssistantMessage): void {
    const conversation = this.conversations.get(this.current.get())
    if (conversation) void this.#answer({ ...conversation, head: message.parent })
  }

  /** Tells what a tool gave; once all of a message's calls are answered, the model goes on. */
  answerCall(callId: string, content: string): void {
    const conversation = this.conversations.get(this.current.get())
    if (!conversation) return
    const told = withMessage(conversation, {
      ...this.#node(conversation.head),
      role: 'tool',
      callId,
      content,
    })
    this.conversations.put(told)
    const messages = thread(told)
    const asking = messages.findLast((one) => one.role === 'assistant')
    const answered = messages.flatMap((one) => (one.role === 'tool' ? [one.callId] : []))
    if (asking?.calls.every(({ id }) => answered.includes(id))) void this.#answer(told)
  }

  fork(message: Message, title: (old: string) => string): void {
    const conversation = this.conversations.get(this.current.get())
    if (!conversation) return
    const fork = forked(conversation, message.id, newId(), title(conversation.title))
    this.conversations.put(fork)
    this.open(fork.id)
  }

  /** Shows the version before or after this one. */
  turnTo(message: Message, step: 1 | -1): void {
    const id = this.current.get()
    if (id === null || this.writing.get()) return
    this.conversations.update(id, (conversation) => {
      const versions = siblings(conversation, message)
      const next = versions[versions.findIndex((one) => one.id === message.id) + step]
      return next ? throughMessage(conversation, next.id) : conversation
    })
  }

  stop(): void {
    this.#controller?.abort()
  }

  #shown(said: string): Conversation {
    const shown = this.conversations.get(this.current.get())
    if (shown) return shown
    const now = Date.now()
    const begun = { id: newId(), title: titleOf(said), created: now, updated: now }
    return { ...begun, settings: this.draft.get(), messages: [], head: null }
  }

  #node(parent: string | null) {
    return { id: newId(), parent, created: Date.now(), content: '' }
  }

  #add(conversation: Conversation, message: Message): void {
    const said = withMessage(conversation, message)
    this.conversations.put(said)
    this.open(said.id)
    void this.#answer(said)
  }

  /** Has the head of a conversation answered. One answer is written at a time. */
  async #answer(asked: Conversation): Promise<void> {
    this.stop()
    const controller = new AbortController()
    this.#controller = controller
    const { id } = asked
    const model = asked.settings.model ?? this.server.models.get()[0]?.id ?? ''
    const begun = { ...this.#node(asked.head), role: 'assistant' as const, model, reasoning: '', calls: [] }
    const reply = new Reply({ ...begun, end: 'writing' })
    this.conversations.update(id, (one) => withMessage({ ...one, head: asked.head }, reply.message))
    this.isWriting.set(id)
    const drawing = this.#draw(id, reply)
    let ended: AssistantMessage
    try {
      this.server.await(true)
      let isFirst = true
      for await (const piece of chatStream(requestBody(asked), controller.signal)) {
        reply.take(piece)
        if (isFirst) this.server.await(false)
        isFirst = false
      }
      ended = reply.ended()
    } catch (error) {
      if (!controller.signal.aborted) this.server.tell(error)
      ended = controller.signal.aborted ? reply.ended('stopped') : reply.ended('failed', said(error))
    }
    drawing.end()
    this.conversations.update(id, (one) => withChanged(one, ended))
    if (this.#controller !== controller) return
    this.#controller = undefined
    this.writing.set(null)
    this.isWriting.set(null)
    this.server.await(false)
  }

  /** Shows what there is of a reply, once for each picture that the browser draws. */
  #draw(conversation: string, reply: Reply) {
    let kept = performance.now()
    let frame = 0
    let shown = -1
    const show = () => {
      frame = requestAnimationFrame(show)
      if (reply.pieces === shown) return
      shown = reply.pieces
      this.writing.set({ conversation, message: reply.message })
      if (performance.now() - kept < keptEvery) return
      kept = performance.now()
      this.conversations.update(conversation, (one) => withChanged(one, reply.message))
    }
    show()
    return { end: () => cancelAnimationFrame(frame) }
  }
}

/** The words for what went wrong; none where the page has better ones. */
function said(error: unknown): string {
  if (error instanceof Failure) return error.kind === 'refused' ? error.message : error.kind
  return error instanceof Error ? error.message : String(error)
}

export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
    byte.toString(36).padStart(2, '0'),
  ).join('')
}
