import type { Generation, GenerationEvent } from '../../index.js'
import type { LazyModel } from '../model-handle.js'
import { contentOf, endingOf, noUsage } from './answer.js'
import { conversationOf } from './conversation.js'
import { forSdk } from './sdk-errors.js'
import { settingsOf } from './settings.js'
import type {
  CallOptions,
  GenerateResult,
  LanguageModel,
  SpecificationVersion,
  StreamPart,
  Warning,
} from './spec.js'
import { PartTeller } from './stream-parts.js'

/** A model that answers conversations, in the AI SDK's words. The SDK 7 calls it through a proxy, so its methods know it without `this`. */
export class QuernLanguageModel<V extends SpecificationVersion> implements LanguageModel<V> {
  readonly provider = 'quern'
  readonly supportedUrls = {}
  readonly specificationVersion: V
  readonly modelId: string
  readonly doGenerate: LanguageModel<V>['doGenerate']
  readonly doStream: LanguageModel<V>['doStream']

  constructor(specificationVersion: V, modelId: string, model: LazyModel) {
    this.specificationVersion = specificationVersion
    this.modelId = modelId
    this.doGenerate = (call) => generate(call, model, modelId)
    this.doStream = (call) => stream(call, model, modelId)
  }
}

async function generate(call: CallOptions, model: LazyModel, modelId: string): Promise<GenerateResult> {
  try {
    const { generation, warnings, response } = await start(call, model, modelId)
    const result = await generation.result()
    return { content: contentOf(result), ...endingOf(result), warnings, response }
  } catch (error) {
    throw forSdk(error)
  }
}

/** What is wrong with the call or fails before there is anything of an answer rejects here: then the SDK may try again. */
async function stream(
  call: CallOptions,
  model: LazyModel,
  modelId: string,
): Promise<{ stream: ReadableStream<StreamPart> }> {
  try {
    const { generation, warnings, response } = await start(call, model, modelId)
    const events = generation.events()
    const first = await events.next()
    const head: StreamPart[] = [
      { type: 'stream-start', warnings },
      { type: 'response-metadata', ...response },
    ]
    return { stream: partStream(head, first, events, call) }
  } catch (error) {
    throw forSdk(error)
  }
}

async function start(
  call: CallOptions,
  model: LazyModel,
  modelId: string,
): Promise<{
  generation: Generation
  warnings: Warning[]
  response: { timestamp: Date; modelId: string }
}> {
  const timestamp = new Date()
  const loaded = await model.get()
  const { options, warnings } = settingsOf(call, loaded)
  const generation = loaded.chat(conversationOf(call.prompt), options)
  return { generation, warnings, response: { timestamp, modelId } }
}

/** The answer's parts as they are read: a reader that is slow slows the generation, one that leaves ends it. */
function partStream(
  head: StreamPart[],
  first: IteratorResult<GenerationEvent, void>,
  events: AsyncGenerator<GenerationEvent, void, undefined>,
  { includeRawChunks, abortSignal }: CallOptions,
): ReadableStream<StreamPart> {
  const teller = new PartTeller()
  let next: IteratorResult<GenerationEvent, void> | undefined = first
  const told = (event: GenerationEvent): StreamPart[] => [
    ...(includeRawChunks ? [{ type: 'raw' as const, rawValue: event }] : []),
    ...teller.parts(event),
  ]
  /** The next parts, some at least; undefined at the end. */
  const read = async (): Promise<StreamPart[] | undefined> => {
    for (;;) {
      const { done, value } = next ?? (await events.next())
      next = undefined
      if (done) return undefined
      const parts = told(value)
      if (parts.length > 0) return parts
    }
  }
  return new ReadableStream<StreamPart>(
    {
      start(controller) {
        for (const part of head) controller.enqueue(part)
      },
      async pull(controller) {
        try {
          const parts = await read()
          for (const part of parts ?? []) controller.enqueue(part)
          if (parts === undefined) controller.close()
        } catch (error) {
          if (abortSignal?.aborted) return controller.error(error) // the reason, by which the SDK knows an abort
          for (const part of [...teller.close(), ...failure(error)]) controller.enqueue(part)
          controller.close()
        }
      },
      async cancel() {
        await events.return()
      },
    },
    { highWaterMark: 0 },
  )
}

function failure(error: unknown): StreamPart[] {
  return [
    { type: 'error', error: forSdk(error) },
    { type: 'finish', finishReason: { unified: 'error', raw: undefined }, usage: noUsage },
  ]
}
