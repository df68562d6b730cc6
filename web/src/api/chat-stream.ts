import { Failure, errorIn } from './failure.ts'
import { request } from './request.ts'
import { EventReader } from './sse.ts'

/** A call of a tool, as far as it is told. */
export interface CallPiece {
  index: number
  id?: string
  function?: { name?: string; arguments?: string }
}

/** What one event adds to a reply. */
export interface ChatPiece {
  text: string
  reasoning: string
  calls: CallPiece[]
  finishReason: string | undefined
  usage: { promptTokens: number; completionTokens: number } | undefined
}

/** The pieces of an answer, as they come. One that breaks off is a failure. */
export async function* chatStream(body: object, signal: AbortSignal): AsyncGenerator<ChatPiece> {
  const response = await request('v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  })
  const events = new EventReader()
  for await (const text of texts(response, signal)) {
    for (const data of events.push(text)) {
      if (data === '[DONE]') return
      yield pieceOf(data)
    }
  }
  throw new Failure('unreachable', 'the answer broke off')
}

async function* texts(response: Response, signal: AbortSignal): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (!reader) return
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw new Failure('unreachable', error instanceof Error ? error.message : String(error))
  } finally {
    reader.cancel().catch(() => {}) // it may have failed, which was told
  }
}

interface Chunk {
  choices?: {
    delta?: { content?: string | null; reasoning_content?: string; tool_calls?: CallPiece[] }
    finish_reason?: string | null
  }[]
  usage?: { prompt_tokens: number; completion_tokens: number } | null
}

function pieceOf(data: string): ChatPiece {
  let chunk: Chunk
  try {
    chunk = JSON.parse(data) as Chunk
  } catch {
    throw new Failure('unreachable', 'the answer is damaged')
  }
  const { message, code } = errorIn(chunk)
  if (message !== undefined) throw new Failure('refused', message, code)
  const { delta, finish_reason } = chunk.choices?.[0] ?? {}
  const { usage } = chunk
  return {
    text: delta?.content ?? '',
    reasoning: delta?.reasoning_content ?? '',
    calls: delta?.tool_calls ?? [],
    finishReason: finish_reason ?? undefined,
    usage: usage
      ? { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens }
      : undefined,
  }
}
