import type { ChatTemplates } from '../checkpoint/chat-templates.js'
import type { DecoderConfig } from '../checkpoint/decoder-config.js'
import type { ModelPlan, WeightDtype } from '../checkpoint/plan.js'
import { QuernError } from '../errors.js'
import type { Requests } from '../generation/requests.js'
import type { GenerationDefaults } from '../generation-defaults.js'
import type { NativeModel } from '../native/binding.js'
import { callNative } from '../native/call-native.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import type { AttentionSinks } from './attention-sinks.js'

/**
 * What a model is and how it is run.
 *
 * @example
 * ```ts
 * const { architecture, contextLength, isa, threads }: ModelInfo = model.info
 * ```
 */
export interface ModelInfo {
  /** The folder it came from, or its `random:` id. */
  source: string
  /** `model_type` of its config.json. */
  architecture: string
  config: DecoderConfig
  /** false: an embedding model, which has no output matrix. */
  generates: boolean
  /** Tokens that prompt and answer may have together, but for attention sinks. */
  contextLength: number
  /** Tokens that a sequence may have: `contextLength`, or with attention sinks 2^30. */
  longestSequence: number
  /** Those of them that the KV cache holds: prompt and answer of one request while no other runs. */
  capacity: number
  /** What a token sees where the model was loaded for sequences without an end. */
  attentionSinks?: AttentionSinks
  /** Tokens that end a text. */
  stopTokens: number[]
  /** 'cpu' or 'cuda'. */
  device: string
  /** The product's name, of a GPU: 'NVIDIA H200'. */
  deviceName?: string
  /** N of `device: 'cuda:N'`, of a GPU. */
  deviceIndex?: number
  /** The instruction set in use; of a GPU what its code is compiled for, such as 'sm_90a'. */
  isa: string
  threads: number
  precision: 'fast' | 'exact'
  /** Of the matrices: 'mixed' where they differ. */
  dtype: string
  kvDtype: WeightDtype
  /** In memory. */
  weightBytes: number
  /** Bytes of one page of the KV cache: 16 positions of the layers of one group. */
  pageBytes: number
  /** Groups of layers, each with pages of its own: one, or more where some layers see a sliding window and others all. */
  kvGroups: number
  /** Bytes of weights that decoding one token reads. */
  bytesPerToken: number
}

/**
 * How busy a model is.
 *
 * @example
 * ```ts
 * const { active, queued, kvCache }: ModelStats = model.stats()
 * console.log(`${active} + ${queued} requests, ${kvCache.pagesInUse} of ${kvCache.pages} pages`)
 * ```
 */
export interface ModelStats {
  /** Requests being computed. */
  active: number
  /** Requests waiting for memory or their turn. */
  queued: number
  kvCache: {
    /** Each holds 16 positions of one of `info.kvGroups` groups of layers. */
    pages: number
    /** Held by requests. */
    pagesInUse: number
    /** Held by none, but kept for prompts that begin alike, until others need the memory. */
    pagesCached: number
    /** Reserved; committed as pages are used. */
    bytes: number
  }
  /** Bytes. */
  memory: { weights: number; workspace: number }
}

/** What load() found. */
export interface ModelParts {
  source: string
  architecture: string
  plan: ModelPlan
  defaults: GenerationDefaults
  stopTokens: number[]
  tokenizer: Tokenizer | undefined
  chatTemplates: ChatTemplates
  handle: NativeModel
  /** Which of the devices of its kind it is on. */
  deviceIndex: number
  requests: Requests
  attentionSinks: AttentionSinks | undefined
  /** Requests that may wait. */
  maxQueue: number
  precision: 'fast' | 'exact'
  dtype: string
  onWarning: (message: string) => void
}

/** Throws for a model without a tokenizer. */
export function expectTokenizer({ tokenizer, source }: ModelParts): Tokenizer {
  if (tokenizer !== undefined) return tokenizer
  throw new QuernError(
    'no_tokenizer',
    `${source} is loaded without a tokenizer: work with { tokens } instead of text`,
  )
}

/** What a loaded model says of itself. Whoever changes what he got changes nothing here. */
export function modelInfo(parts: ModelParts): ModelInfo {
  const { weightBytes } = parts.handle.stats()
  const { deviceName, ...info } = parts.handle.info()
  return Object.freeze({
    source: parts.source,
    architecture: parts.architecture,
    config: structuredClone(parts.plan.config),
    generates: parts.plan.generates,
    stopTokens: [...parts.stopTokens],
    precision: parts.precision,
    dtype: parts.dtype === 'auto' ? storedDtype(parts.plan) : parts.dtype,
    weightBytes,
    ...(parts.attentionSinks && { attentionSinks: Object.freeze({ ...parts.attentionSinks }) }),
    ...(deviceName !== '' && { deviceName, deviceIndex: parts.deviceIndex }),
    ...info,
  })
}

/** How busy a model is now. */
export function modelStats(handle: NativeModel): ModelStats {
  const { active, queued, pages, pagesInUse, pagesCached, kvBytes, weightBytes, workspaceBytes } = callNative(
    () => handle.stats(),
  )
  return {
    active,
    queued,
    kvCache: { pages, pagesInUse, pagesCached, bytes: kvBytes },
    memory: { weights: weightBytes, workspace: workspaceBytes },
  }
}

function storedDtype({ weights }: ModelPlan): string {
  const dtypes = new Set(weights.filter(({ rows }) => rows > 1).map(({ dtype }) => dtype))
  return dtypes.size === 1 ? ([...dtypes][0] as string) : 'mixed'
}
