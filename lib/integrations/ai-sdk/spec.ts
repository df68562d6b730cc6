// What of the AI SDK's specification an in-process model needs, as types of our own: its package declares a newer Node.js than quern needs.
// Versions 3 and 4 are alike in this; where they differ, the types are what both allow.

/**
 * Of the AI SDK's specification of models: version 3 is understood by the AI SDK 6 and 7, version 4 by 7 alone.
 *
 * @example
 * ```ts
 * const specificationVersion: SpecificationVersion = 'v4'
 * const newest = createQuern({ specificationVersion })
 * ```
 */
export type SpecificationVersion = 'v3' | 'v4'

export type JsonValue = null | string | number | boolean | JsonObject | JsonValue[]

export interface JsonObject {
  [name: string]: JsonValue | undefined
}

export type ProviderMetadata = Record<string, JsonObject>
export type ProviderOptions = Record<string, JsonObject>

/** What a caller is told beside the answer. */
export type Warning =
  | { type: 'unsupported'; feature: string; details?: string }
  | { type: 'compatibility'; feature: string; details?: string }
  | { type: 'other'; message: string }

export interface TextPart {
  type: 'text'
  text: string
}

export interface ToolCallPart {
  type: 'tool-call'
  toolCallId: string
  toolName: string
  input: unknown
  /** By a provider that runs tools itself. */
  providerExecuted?: boolean | undefined
}

/** What a tool answered. */
export type ToolOutput =
  | { type: 'text' | 'error-text'; value: string }
  | { type: 'json' | 'error-json'; value: unknown }
  | { type: 'execution-denied'; reason?: string | undefined }
  | { type: 'content'; value: readonly (TextPart | { type: string })[] }

export interface ToolResultPart {
  type: 'tool-result'
  toolCallId: string
  toolName: string
  output: ToolOutput
}

export type AssistantPart =
  | TextPart
  | { type: 'reasoning'; text: string }
  | ToolCallPart
  | { type: 'tool-result' | 'file' | 'reasoning-file' | 'custom' }

export type Message =
  | { role: 'system'; content: string }
  | { role: 'user'; content: readonly (TextPart | { type: 'file'; mediaType: string })[] }
  | { role: 'assistant'; content: readonly AssistantPart[] }
  | { role: 'tool'; content: readonly (ToolResultPart | { type: 'tool-approval-response' })[] }

export type Tool =
  | {
      type: 'function'
      name: string
      description?: string | undefined
      /** A JSON schema. */
      inputSchema: object
      strict?: boolean | undefined
    }
  | { type: 'provider'; id: string; name: string }

export type ToolChoice = { type: 'auto' | 'none' | 'required' } | { type: 'tool'; toolName: string }

/** How much to think, in version 4. */
export type Effort = 'provider-default' | 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max'

export interface CallOptions {
  prompt: readonly Message[]
  maxOutputTokens?: number | undefined
  temperature?: number | undefined
  stopSequences?: string[] | undefined
  topP?: number | undefined
  topK?: number | undefined
  presencePenalty?: number | undefined
  frequencyPenalty?: number | undefined
  responseFormat?: { type: 'text' | 'json' } | undefined
  seed?: number | undefined
  tools?: readonly Tool[] | undefined
  toolChoice?: ToolChoice | undefined
  includeRawChunks?: boolean | undefined
  reasoning?: Effort | undefined
  abortSignal?: AbortSignal | undefined
  providerOptions?: ProviderOptions | undefined
}

export interface TokenUsage {
  inputTokens: {
    total: number | undefined
    noCache: number | undefined
    cacheRead: number | undefined
    cacheWrite: number | undefined
  }
  outputTokens: { total: number | undefined; text: number | undefined; reasoning: number | undefined }
  raw?: JsonObject
}

export interface UnifiedFinishReason {
  unified: 'stop' | 'length' | 'tool-calls' | 'error' | 'other'
  raw: string | undefined
}

/** `input` is JSON text. */
export interface ToolCallContent {
  type: 'tool-call'
  toolCallId: string
  toolName: string
  input: string
}

export type Content = TextPart | { type: 'reasoning'; text: string } | ToolCallContent

export interface GenerateResult {
  content: Content[]
  finishReason: UnifiedFinishReason
  usage: TokenUsage
  warnings: Warning[]
  response: { timestamp: Date; modelId: string }
  providerMetadata: ProviderMetadata
}

export type StreamPart =
  | { type: 'stream-start'; warnings: Warning[] }
  | { type: 'response-metadata'; timestamp: Date; modelId: string }
  | { type: 'text-start' | 'text-end' | 'reasoning-start' | 'reasoning-end' | 'tool-input-end'; id: string }
  | { type: 'text-delta' | 'reasoning-delta' | 'tool-input-delta'; id: string; delta: string }
  | { type: 'tool-input-start'; id: string; toolName: string }
  | ToolCallContent
  | { type: 'raw'; rawValue: unknown }
  | { type: 'error'; error: unknown }
  | {
      type: 'finish'
      usage: TokenUsage
      finishReason: UnifiedFinishReason
      providerMetadata?: ProviderMetadata
    }

/**
 * A model that writes, as the AI SDK's functions take it.
 *
 * @example
 * ```ts
 * const writer: LanguageModel = quern(model)
 * ```
 */
export interface LanguageModel<V extends SpecificationVersion = 'v3'> {
  readonly specificationVersion: V
  readonly provider: string
  readonly modelId: string
  readonly supportedUrls: Record<string, RegExp[]>
  doGenerate(options: CallOptions): Promise<GenerateResult>
  doStream(options: CallOptions): Promise<{ stream: ReadableStream<StreamPart> }>
}

export interface EmbedCall {
  values: string[]
  abortSignal?: AbortSignal | undefined
  providerOptions?: ProviderOptions | undefined
}

/**
 * A model that gives vectors, as the AI SDK's functions take it.
 *
 * @example
 * ```ts
 * const embedder: EmbeddingModel = quern.embeddingModel(model)
 * ```
 */
export interface EmbeddingModel<V extends SpecificationVersion = 'v3'> {
  readonly specificationVersion: V
  readonly provider: string
  readonly modelId: string
  readonly maxEmbeddingsPerCall: number
  readonly supportsParallelCalls: boolean
  doEmbed(
    options: EmbedCall,
  ): Promise<{ embeddings: number[][]; usage: { tokens: number }; warnings: Warning[] }>
}

export interface RerankCall {
  query: string
  documents: { type: 'text'; values: string[] } | { type: 'object'; values: object[] }
  topN?: number | undefined
  abortSignal?: AbortSignal | undefined
  providerOptions?: ProviderOptions | undefined
}

/**
 * A model that sorts documents, as the AI SDK's functions take it.
 *
 * @example
 * ```ts
 * const judge: RerankingModel = quern.rerankingModel(model)
 * ```
 */
export interface RerankingModel<V extends SpecificationVersion = 'v3'> {
  readonly specificationVersion: V
  readonly provider: string
  readonly modelId: string
  doRerank(options: RerankCall): Promise<{
    ranking: { index: number; relevanceScore: number }[]
    warnings: Warning[]
    response: { timestamp: Date; modelId: string }
  }>
}
