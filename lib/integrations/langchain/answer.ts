import { AIMessageChunk, type UsageMetadata } from '@langchain/core/messages'
import { ChatGenerationChunk } from '@langchain/core/outputs'
import type { GenerationEvent, GenerationResult, ToolCall, Usage } from '../../index.js'

/** What a generation ends with, however it is read. */
type Ending = Pick<GenerationResult, 'finishReason' | 'usage' | 'seed' | 'timings'>

/** A whole answer. What LangChain makes of it wants a chunk. */
export function answerChunk(result: GenerationResult): ChatGenerationChunk {
  const { text, reasoning, toolCalls } = result
  return chunk(text, reasoning, toolCalls.map(toolCallChunk), result)
}

/** What an event adds to an answer; undefined: nothing. */
export class ChunkTeller {
  #calls = 0

  chunk(event: GenerationEvent): ChatGenerationChunk | undefined {
    switch (event.type) {
      case 'text-delta':
        return chunk(event.text, '')
      case 'reasoning-delta':
        return chunk('', event.text)
      case 'tool-call':
        return chunk('', '', [toolCallChunk(event, this.#calls++)])
      case 'stream-end':
        return chunk('', '', [], event)
      case 'tokens':
        return undefined
    }
  }
}

function toolCallChunk({ id, name, arguments: args }: ToolCall, index: number) {
  return { id, name, args, index, type: 'tool_call_chunk' as const }
}

function chunk(
  text: string,
  reasoning: string,
  calls: ReturnType<typeof toolCallChunk>[] = [],
  ending?: Ending,
): ChatGenerationChunk {
  const message = new AIMessageChunk({
    content: text,
    additional_kwargs: reasoning === '' ? {} : { reasoning_content: reasoning },
    tool_call_chunks: calls,
  })
  if (ending) {
    const { finishReason, seed, timings, usage } = ending
    message.response_metadata = { finish_reason: finishReason, seed, timings }
    Object.assign(message, { usage_metadata: usageOf(usage) }) // whose type is undefined under strict options
  }
  return new ChatGenerationChunk({ text, message })
}

function usageOf({ promptTokens, cachedTokens, completionTokens, reasoningTokens }: Usage): UsageMetadata {
  return {
    input_tokens: promptTokens,
    output_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    input_token_details: { cache_read: cachedTokens },
    output_token_details: { reasoning: reasoningTokens },
  }
}
