import { type PositionEncoding, positionEncodings } from '../checkpoint/layer-spec.js'
import type { WeightDtype } from '../checkpoint/plan.js'
import { checkHubOptions } from '../checkpoint/pull.js'
import {
  checkCallback,
  checkNumber,
  checkSignal,
  invalidOption,
  unsupportedOption,
} from '../input/check-option.js'
import { takeOptions } from '../input/take-options.js'
import { dtypes, quantizations } from '../native/constants.js'
import { type AttentionSinks, checkSinkOptions } from './attention-sinks.js'
import { checkIsa } from './isa.js'

/**
 * What matrices can be made of while a model is loaded, beside the types they are stored in.
 *
 * @example
 * ```ts
 * const smaller: Quantization = 'int4'
 * ```
 */
export type Quantization = (typeof quantizations)[number]

/**
 * How to load a model.
 *
 * @example
 * ```ts
 * const options: LoadOptions = { contextLength: 8192, kvCache: { maxBytes: 1024 ** 3 } }
 * ```
 */
export interface LoadOptions {
  /**
   * Where to compute. 'cuda' is the first of NVIDIA's GPUs that works, 'cuda:1' the one of that number; where it cannot be used, that is an
   * error which says why and what to do. Default 'auto': the first GPU that works and has room for the model, else the CPU; `onWarning` hears
   * why where there is a GPU and it is not used. docs/gpu.md has the rest.
   */
  device?: 'auto' | 'cpu' | 'cuda' | `cuda:${number}` | undefined
  /**
   * Convert the matrices to this type while loading. Default 'auto': as they are stored. 'int8' and 'int4' are whole numbers in groups of 32
   * with a scale: 8.5 and 4.5 bits a weight (of 'int4', the embedding and the output matrix have 8.5). docs/formats.md says what that costs.
   */
  dtype?: 'auto' | WeightDtype | Quantization | undefined
  /**
   * 'fast' (default) keeps 16-bit keys and values and multiplies 'int8' and 'int4' weights with activations of 8 bits (on a GPU, all weights with
   * bfloat16); 'exact' keeps all of that in float32, which takes twice the KV memory, and agrees with Hugging Face's float32 results where the
   * weights do.
   */
  precision?: 'fast' | 'exact' | undefined
  /**
   * Whether an answer must be the same, bit by bit, whatever else runs beside it. Every device keeps to that at its full speed, whatever this
   * says: it is here for programs that rely on it to say so.
   */
  deterministic?: boolean | undefined
  /**
   * How the layers tell positions apart: 'rope' turns queries and keys by their positions, 'alibi' lowers scores with the distance between
   * them, 'rope+alibi' does both. Default: as the model's config.json has it (`position_encoding`, or else 'rope'); another one is for models that
   * were trained with it.
   */
  positionEncoding?: PositionEncoding | undefined
  /** Tokens that prompt and answer may have together. Default: the model's own limit; more only where its positions scale on their own. */
  contextLength?: number | undefined
  /**
   * What becomes of a sequence that fills `contextLength`. 'error' (default): a longer prompt is refused, and an answer ends there. 'sink': it
   * goes on without an end, in the memory of `attentionSinks`, at the speed of the first tokens. What lies between the sinks and the window is
   * forgotten: this is for text that never ends, not for recall. Prompts may be longer than the context too.
   */
  contextOverflow?: 'error' | 'sink' | undefined
  /**
   * What a token sees where sequences have no end; alone it means `contextOverflow: 'sink'` too. Default with that: 4 sinks, and the rest of
   * `contextLength` as the window. Not for models whose layers have windows of their own.
   */
  attentionSinks?: AttentionSinks | undefined
  /** Memory for keys and values, shared by all requests. One full context is little for many long ones at a time: docs/server.md reckons. */
  kvCache?:
    | {
        /**
         * Bytes. Default: enough for one full context (and 64 MiB at least), but at most half of the memory that is left; on a GPU for eight (and
         * 64 MiB at least), but at most 90 % of what is free there once the weights are in.
         */
        maxBytes?: number | undefined
      }
    | undefined
  /** Requests that may wait for memory or their turn; one more is refused with the code `overloaded`. Default: 4096. */
  maxQueue?: number | undefined
  /** Threads that compute; with a GPU they only make its weights ready while a model is loaded. Default: as many as the process may use, by its affinity and its cgroup. */
  threads?: number | undefined
  /** Of the CPU, where the model then runs: use this instruction set instead of the best one: 'baseline', 'avx2', 'avx_vnni', 'avx512', 'avx512_vnni'; `model.info.isa` tells which is used. */
  isa?: 'auto' | 'baseline' | 'avx2' | 'avx_vnni' | 'avx512' | 'avx512_vnni' | undefined
  /** false: leave the tokenizer out and work with token ids only. */
  tokenizer?: false | undefined
  /** Of a model of the hub: a branch, a tag or a commit. Default 'main'. */
  revision?: string | undefined
  /** Where models of the hub are kept. Default: the cache of Hugging Face's libraries, by HF_HUB_CACHE or HF_HOME. */
  cacheDir?: string | undefined
  /** Called now and then while files are downloaded, then while weights are read. */
  onProgress?: ((progress: LoadProgress) => void) | undefined
  /** Called for what is odd but no error. Default: `process.emitWarning`. */
  onWarning?: ((message: string) => void) | undefined
  /** Aborting it stops loading: `load` rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

/**
 * How far loading is.
 *
 * @example
 * ```ts
 * const show = ({ phase, loadedBytes, totalBytes }: LoadProgress) => console.error(phase, loadedBytes / totalBytes)
 * const model = await load('./Qwen3-0.6B', { onProgress: show })
 * ```
 */
export interface LoadProgress {
  /** 'download': bytes of files that come from the hub, if any must; 'load': bytes of weights. */
  phase: 'download' | 'load'
  loadedBytes: number
  totalBytes: number
}

export const defaultMaxQueue = 4096

const choices: Record<string, readonly unknown[]> = {
  dtype: ['auto', ...dtypes, ...quantizations],
  precision: ['fast', 'exact'],
  deterministic: [true, false],
  positionEncoding: positionEncodings,
  contextOverflow: ['error', 'sink'],
  tokenizer: [false],
}

const callbacks = ['onProgress', 'onWarning'] as const
const known = [
  ...Object.keys(choices),
  'device',
  'isa',
  'contextLength',
  'attentionSinks',
  'kvCache',
  'maxQueue',
  'threads',
  'revision',
  'cacheDir',
  ...callbacks,
  'signal',
]

/** A copy of what load() is told. Throws `unsupported_option` or `invalid_option` for what it cannot do. */
export function takeLoadOptions(given: LoadOptions): LoadOptions {
  const options = takeOptions('load', given, known, [...callbacks, 'signal'])
  checkLoadOptions(options)
  return options
}

function checkLoadOptions(options: LoadOptions): void {
  for (const [name, allowed] of Object.entries(choices))
    checkChoice(name, options[name as keyof LoadOptions], allowed)
  checkDevice(options)
  for (const name of callbacks) checkCallback(name, options[name])
  checkSignal(options.signal)
  checkNumber('threads', options.threads, { min: 1, max: 256, integer: true })
  checkNumber('maxQueue', options.maxQueue, { min: 1, max: 2 ** 20, integer: true })
  checkNumber('contextLength', options.contextLength, { min: 1, max: 2 ** 28, integer: true })
  checkHubOptions(options)
  checkSinkOptions(options)
  const { kvCache } = options
  if (kvCache === undefined) return
  if (typeof kvCache !== 'object' || kvCache === null) throw invalidOption('kvCache', 'an object', kvCache)
  for (const [name, value] of Object.entries(kvCache)) {
    if (name !== 'maxBytes' && value !== undefined)
      throw unsupportedOption('load', `kvCache.${name}`, ['kvCache.maxBytes'], value)
  }
  checkNumber('kvCache.maxBytes', kvCache.maxBytes, { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true })
}

function checkDevice({ device, isa }: LoadOptions): void {
  const names = /^(auto|cpu|cuda(:(0|[1-9]\d{0,3}))?)$/
  if (device !== undefined && !(typeof device === 'string' && names.test(device)))
    throw invalidOption('device', 'one of "auto", "cpu", "cuda", "cuda:0", "cuda:1" …', device)
  checkIsa(isa)
  if (device?.startsWith('cuda') && isa !== undefined && isa !== 'auto')
    throw invalidOption('isa', `none with device: '${device}', for it is an instruction set of the CPU`, isa)
}

function checkChoice(name: string, value: unknown, allowed: readonly unknown[]): void {
  if (value === undefined || allowed.includes(value)) return
  const expected = allowed.map((choice) => JSON.stringify(choice)).join(', ')
  throw invalidOption(name, `one of ${expected}`, value)
}
