import { QuernError } from '../errors.js'
import type { GenerationDefaults } from '../generation/defaults.js'
import { Generation } from '../generation/generation.js'
import {
  type GenerateOptions,
  invalidOption,
  resolveOptions,
  unsupportedOption,
} from '../generation/options.js'
import type { Requests } from '../generation/requests.js'
import { Run } from '../generation/run.js'
import type { NativeModel, NativeRow } from '../native/binding.js'
import { callNative, fromNative } from '../native/call-native.js'
import type { Tokenizer } from '../tokenizer/tokenizer.js'
import type { DecoderConfig, ModelPlan } from './plan.js'

/** Texts longer than this are encoded on a helper thread. UTF-16 units. */
const longText = 64 * 1024

/** What a model is and how it is run. */
export interface ModelInfo {
  /** The folder it came from, or its `random:` id. */
  source: string
  /** `model_type` of its config.json. */
  architecture: string
  config: DecoderConfig
  /** Tokens that prompt and answer may have together. */
  contextLength: number
  /** Tokens that end a text. */
  stopTokens: number[]
  device: 'cpu'
  /** The instruction set in use. */
  isa: string
  threads: number
  precision: 'fast' | 'exact'
  /** Of the matrices: 'mixed' where they differ. */
  dtype: string
  kvDtype: 'f32' | 'f16'
  /** In memory. */
  weightBytes: number
  /** Bytes of weights that decoding one token reads. */
  bytesPerToken: number
}

/** How busy a model is. */
export interface ModelStats {
  /** Requests being computed. */
  active: number
  /** Requests waiting for memory or their turn. */
  queued: number
  kvCache: {
    /** Each holds 16 positions. */
    pages: number
    pagesInUse: number
    /** Reserved; committed as pages are used. */
    bytes: number
  }
  /** Bytes. */
  memory: { weights: number; workspace: number }
}

/** What to continue: a text as it stands, or token ids. */
export type GenerateInput = string | { tokens: ArrayLike<number> }

/** Options of {@link Model.logits}. */
export interface LogitsOptions {
  /** For every token of the input, or for the last alone. Default 'all'. */
  positions?: 'all' | 'last'
}

/** Logits of some positions. */
export interface Logits {
  /** Row by row: `data[position * vocab + token]`. */
  data: Float32Array
  /** Positions, vocabulary. */
  shape: [number, number]
}

/** @internal What load() found. */
export interface ModelParts {
  source: string
  architecture: string
  plan: ModelPlan
  defaults: GenerationDefaults
  stopTokens: number[]
  tokenizer: Tokenizer | undefined
  handle: NativeModel
  requests: Requests
  precision: 'fast' | 'exact'
  dtype: string
}

/**
 * A loaded model. Any number of generations may run at the same time; they are computed in common batches, and each gives what it would
 * give alone.
 *
 * @example
 * ```ts
 * const model = await load()
 * for await (const text of model.generate('Once upon a time')) process.stdout.write(text)
 * await model.close()
 * ```
 */
export class Model {
  /** What the model is and how it is run. */
  readonly info: ModelInfo
  readonly #parts: ModelParts
  #isClosed = false

  /** @internal */
  constructor(parts: ModelParts) {
    this.#parts = parts
    const { weightBytes } = parts.handle.stats()
    this.info = Object.freeze({
      source: parts.source,
      architecture: parts.architecture,
      config: parts.plan.config,
      stopTokens: parts.stopTokens,
      device: 'cpu',
      precision: parts.precision,
      dtype: parts.dtype === 'auto' ? storedDtype(parts.plan) : parts.dtype,
      weightBytes,
      ...parts.handle.info(),
    })
  }

  /**
   * The model's tokenizer.
   *
   * @throws {QuernError} `no_tokenizer` where it has none or it was left out.
   * @example
   * ```ts
   * model.tokenizer.count('How many tokens is this?')
   * ```
   */
  get tokenizer(): Tokenizer {
    const { tokenizer, source } = this.#parts
    if (tokenizer === undefined) {
      throw new QuernError(
        'no_tokenizer',
        `${source} is loaded without a tokenizer: work with { tokens } instead of text`,
      )
    }
    return tokenizer
  }

  /**
   * Continues a text as it stands, or token ids. Generating begins at once; what is wrong with the input or the options rejects when the
   * generation is read: `unsupported_option`, `invalid_option`, `invalid_input`, `invalid_token`, `context_overflow`, `kv_cache_too_small`,
   * `no_tokenizer`, `closed`.
   *
   * @param input A text, encoded as the model's tokenizer does by default, or `{ tokens }`.
   * @example
   * ```ts
   * for await (const text of model.generate('Once upon a time', { maxTokens: 64 })) process.stdout.write(text)
   * ```
   */
  generate(input: GenerateInput, options: GenerateOptions = {}): Generation {
    const { defaults, stopTokens, handle, requests, tokenizer } = this.#parts
    try {
      const run = new Run(resolveOptions(options, defaults, stopTokens))
      const start = (prompt: Int32Array) => {
        this.#checkOpen()
        run.start({ model: handle, requests, tokenizer: tokenizer?.handle }, prompt)
      }
      try {
        const prompt = this.#encode(input)
        if (prompt instanceof Int32Array) start(prompt)
        else prompt.then(start).catch((error) => run.fail(fromNative(error)))
      } catch (error) {
        run.fail(error)
      }
      return new Generation(run)
    } catch (error) {
      const run = new Run(resolveOptions({}, defaults, stopTokens))
      run.fail(error)
      return new Generation(run)
    }
  }

  /**
   * The model's raw scores for the token after each input token, for research and tests.
   *
   * @returns `data` as rows [positions, vocab] of float32.
   * @throws {QuernError} `invalid_input`, `invalid_token`, `context_overflow`, `kv_cache_too_small`, `closed`.
   * @example
   * ```ts
   * const { data, shape } = await model.logits(model.tokenizer.encode('Once upon a'), { positions: 'last' })
   * ```
   */
  async logits(tokens: ArrayLike<number>, options: LogitsOptions = {}): Promise<Logits> {
    const { positions = 'all', ...rest } = options
    for (const [name, value] of Object.entries(rest))
      throw unsupportedOption('logits', name, ['positions'], value)
    if (positions !== 'all' && positions !== 'last')
      throw invalidOption('positions', "'all' or 'last'", positions)
    this.#checkOpen()
    const prompt = tokenArray(tokens)
    const { vocab } = this.info.config
    const rows = positions === 'all' ? prompt.length : 1
    if (rows * vocab > maxLogits) {
      throw new QuernError(
        'invalid_input',
        `${rows} rows of ${vocab} logits are more than fit one array (${maxLogits} numbers): ask for fewer tokens at a time`,
        {
          value: rows,
        },
      )
    }
    const row = await this.#submitLogits(prompt, positions)
    if (row.finish === 'logits' && row.logits !== undefined) return { data: row.logits, shape: [rows, vocab] }
    if (row.finish === 'failed') throw new QuernError('internal', row.errorMessage ?? 'the engine failed')
    throw new QuernError('closed', 'the model was closed while computing logits')
  }

  /**
   * How busy the model is, and what memory it has.
   *
   * @example
   * ```ts
   * const { active, kvCache } = model.stats()
   * ```
   */
  stats(): ModelStats {
    this.#checkOpen()
    const { active, queued, pages, pagesInUse, kvBytes, weightBytes, workspaceBytes } = callNative(() =>
      this.#parts.handle.stats(),
    )
    return {
      active,
      queued,
      kvCache: { pages, pagesInUse, bytes: kvBytes },
      memory: { weights: weightBytes, workspace: workspaceBytes },
    }
  }

  /**
   * Frees the model. Generations that still run reject with `closed`. Closing twice is no error.
   *
   * @example
   * ```ts
   * await model.close()
   * ```
   */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const { handle, requests } = this.#parts
    requests.deliver(callNative(() => handle.close()))
  }

  /**
   * The same as `close()`, for `await using`.
   *
   * @example
   * ```ts
   * await using model = await load()
   * ```
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new QuernError('closed', 'the model is closed')
  }

  #encode(input: GenerateInput): Int32Array | Promise<Int32Array> {
    if (typeof input === 'string') {
      const { handle } = this.tokenizer
      return input.length > longText
        ? handle.encodeAsync(input, true)
        : callNative(() => handle.encode(input, true))
    }
    if (Array.isArray(input)) {
      throw new QuernError(
        'unsupported_option',
        'generate() does not support messages yet: pass a string or { tokens }',
        { value: input },
      )
    }
    if (typeof input === 'object' && input !== null && 'tokens' in input) return tokenArray(input.tokens)
    throw new QuernError('invalid_input', 'generate: expected a string or { tokens }', { value: input })
  }

  #submitLogits(prompt: Int32Array, logits: 'all' | 'last'): Promise<NativeRow> {
    const { handle, requests } = this.#parts
    const nothing = {
      maxTokens: 1,
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      seed: 0,
      stopTokens: new Int32Array(),
      tokenizer: undefined,
    }
    const request = callNative(() => handle.submit({ ...nothing, prompt, logits }))
    return new Promise((resolve) => requests.add(request, resolve))
  }
}

/** 4 GiB of float32. */
const maxLogits = 2 ** 30

function tokenArray(tokens: ArrayLike<number>): Int32Array {
  if (tokens instanceof Int32Array) return tokens
  const isArray = Array.isArray(tokens) || ArrayBuffer.isView(tokens)
  if (!isArray)
    throw new QuernError('invalid_input', 'tokens: expected an array of token ids', { value: tokens })
  return Int32Array.from(tokens as ArrayLike<number>, (id) => {
    if (Number.isInteger(id) && Math.abs(id) < 2 ** 31) return id
    throw new QuernError('invalid_token', `expected token ids, whole numbers, got ${String(id)}`, {
      value: id,
    })
  })
}

function storedDtype({ weights }: ModelPlan): string {
  const dtypes = new Set(weights.filter(({ rows }) => rows > 1).map(({ dtype }) => dtype))
  return dtypes.size === 1 ? ([...dtypes][0] as string) : 'mixed'
}
