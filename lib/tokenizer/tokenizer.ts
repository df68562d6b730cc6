import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { QuernError } from '../errors.js'
import { atOnce, inTurns, type Steps } from '../files/steps.js'
import { invalidOption } from '../input/check-option.js'
import { guardReceivers } from '../input/guard-receivers.js'
import { show } from '../input/show.js'
import { takeIds } from '../input/take-numbers.js'
import { takeOptions } from '../input/take-options.js'
import { takePath, takeText } from '../input/take-text.js'
import type { NativeTokenizer } from '../native/binding.js'
import { callNative } from '../native/call-native.js'
import { native } from '../native/load-binding.js'
import type { NativeAddedToken, NativeTokenizerDefinition } from '../native/tokenizer-definition.js'
import { readTokenizerConfig, type TokenizerConfig } from './tokenizer-config.js'
import { compileTokenizer } from './tokenizer-definition.js'
import {
  configOptions,
  parseTokenizerJson,
  readConfigs,
  readIfThere,
  tokenizerOptions,
} from './tokenizer-json.js'

/**
 * Options of {@link Tokenizer.encode} and {@link Tokenizer.count}.
 *
 * @example
 * ```ts
 * model.tokenizer.encode(prompt, { addSpecialTokens: false })
 * ```
 */
export interface EncodeOptions {
  /**
   * Add the tokens that the model's tokenizer puts around a text, such as Llama 3's `<|begin_of_text|>`. Default: true. Special tokens
   * written in the text are recognised either way.
   */
  addSpecialTokens?: boolean | undefined
}

/**
 * Options of {@link Tokenizer.decode} and {@link Tokenizer.decoder}.
 *
 * @example
 * ```ts
 * model.tokenizer.decode([1, 2, 3], { skipSpecialTokens: true })
 * ```
 */
export interface DecodeOptions {
  /** Leave special tokens such as `<|im_end|>` out of the text. Default: false. */
  skipSpecialTokens?: boolean | undefined
  /**
   * The ids follow others: their text keeps the space that it begins with. SentencePiece's tokenizers (Llama 2, Mistral, Phi-3) put one
   * before a text, so that decoding drops one at its beginning; for others this changes nothing. Default: false.
   */
  goesOn?: boolean | undefined
}

/**
 * Turns token ids into text one at a time. The pieces joined are the text that {@link Tokenizer.decode} gives for all ids.
 *
 * @example
 * ```ts
 * const decoder = tokenizer.decoder()
 * for (const id of [9707, 11, 1879]) process.stdout.write(decoder.push(id))
 * process.stdout.write(decoder.end())
 * ```
 */
export interface TokenDecoder {
  /**
   * The text that this token completes: never half a character, so often ''.
   *
   * @example
   * ```ts
   * const piece = model.tokenizer.decoder().push(9707)
   * ```
   */
  push(id: number): string
  /**
   * What still waits when no more tokens come: U+FFFD for half a character, else ''. The decoder can then be used again.
   *
   * @example
   * ```ts
   * const rest = decoder.end()
   * ```
   */
  end(): string
}

const decodeDefaults = { skipSpecialTokens: false, goesOn: false }

/** Set by the class, whose private member it reads. */
let handleOf: (tokenizer: Tokenizer) => NativeTokenizer

/**
 * A model's tokenizer: text to token ids and back, as the Hugging Face library does it.
 *
 * @example
 * ```ts
 * const tokenizer = await Tokenizer.fromFile('models/Qwen3-4B/tokenizer.json')
 * const ids = tokenizer.encode('Why is the sky blue?')
 * console.log(tokenizer.decode(ids))
 * ```
 */
export class Tokenizer {
  /**
   * The texts of `bos_token`, `eos_token`, `pad_token`, ... that tokenizer_config.json names; a chat template wants them.
   *
   * @example
   * ```ts
   * tokenizer.specialTokens.eos_token // '<|im_end|>'
   * ```
   */
  readonly specialTokens: Readonly<Record<string, string>>
  readonly #handle: NativeTokenizer
  readonly #addedIds: ReadonlyMap<string, number>

  private constructor(definition: NativeTokenizerDefinition, config: TokenizerConfig) {
    const binding = native()
    this.#handle = callNative(() => new binding.Tokenizer(definition))
    this.specialTokens = config.specialTokens
    this.#addedIds = new Map(definition.addedTokens.map(({ content, id }: NativeAddedToken) => [content, id]))
  }

  /**
   * Makes a tokenizer from the contents of tokenizer.json, as text or parsed, and of tokenizer_config.json, if there is one.
   *
   * @example
   * ```ts
   * const tokenizer = Tokenizer.fromJSON(readFileSync('tokenizer.json', 'utf8'))
   * ```
   */
  static fromJSON(tokenizerJson: string | object, tokenizerConfig?: string | object): Tokenizer {
    return atOnce(
      Tokenizer.#make(
        parseTokenizerJson(tokenizerJson, 'tokenizer.json', tokenizerOptions),
        parseTokenizerJson(tokenizerConfig, 'tokenizer_config.json', configOptions),
      ),
    )
  }

  /**
   * Makes a tokenizer from a tokenizer.json, or a folder that holds one. A tokenizer_config.json beside it is read too, and
   * special_tokens_map.json, where older files have special tokens.
   *
   * @example
   * ```ts
   * const tokenizer = await Tokenizer.fromFile('models/Qwen3-4B')
   * ```
   */
  static async fromFile(path: string): Promise<Tokenizer> {
    takePath('Tokenizer.fromFile', path)
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false
    const file = isFolder ? join(path, 'tokenizer.json') : path
    const json = await readIfThere(file, tokenizerOptions)
    if (json === undefined)
      throw new QuernError('missing_file', `expected a tokenizer.json, found no file ${file}`, {
        value: file,
      })
    return inTurns(Tokenizer.#make(json, await readConfigs(dirname(file))))
  }

  static *#make(tokenizerJson: unknown, tokenizerConfig: unknown): Steps<Tokenizer> {
    const config = yield* readTokenizerConfig(tokenizerConfig)
    return new Tokenizer(yield* compileTokenizer(tokenizerJson, config), config)
  }

  /**
   * The number of ids: one more than the largest. A model's logits may have more columns; those ids have no text.
   *
   * @example
   * ```ts
   * tokenizer.vocabSize // 151669 for Qwen3
   * ```
   */
  get vocabSize(): number {
    return this.#handle.size()
  }

  /**
   * The ids of a text. Lone surrogates count as U+FFFD.
   *
   * @example
   * ```ts
   * tokenizer.encode('Hello world', { addSpecialTokens: false }) // Int32Array [9707, 1879] for Qwen3
   * ```
   */
  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const given = takeText('encode', text)
    const { addSpecialTokens } = takeFlags('encode', options, { addSpecialTokens: true })
    return callNative(() => this.#handle.encode(given, addSpecialTokens))
  }

  /**
   * The same off this thread: for a text that is long, or as long as somebody else likes.
   *
   * @example
   * ```ts
   * const ids = await tokenizer.encodeAsync(await readFile('book.txt', 'utf8'))
   * ```
   */
  async encodeAsync(text: string, options: EncodeOptions = {}): Promise<Int32Array> {
    const given = takeText('encodeAsync', text)
    const { addSpecialTokens } = takeFlags('encodeAsync', options, { addSpecialTokens: true })
    return callNative(() => this.#handle.encodeAsync(given, addSpecialTokens))
  }

  /**
   * How many tokens a text has.
   *
   * @example
   * ```ts
   * if (tokenizer.count(prompt) > 4096) console.warn('a long prompt')
   * ```
   */
  count(text: string, options: EncodeOptions = {}): number {
    return this.encode(text, options).length
  }

  /**
   * The text of token ids. Ids without a token contribute nothing, bytes that are no UTF-8 become U+FFFD.
   *
   * @example
   * ```ts
   * tokenizer.decode([9707, 1879]) // 'Hello world' for Qwen3
   * ```
   */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const given = takeIds('decode', ids, takeId)
    const { skipSpecialTokens, goesOn } = takeFlags('decode', options, decodeDefaults)
    return callNative(() => this.#handle.decode(given, skipSpecialTokens, goesOn))
  }

  /**
   * A decoder for ids that come one at a time.
   *
   * @example
   * ```ts
   * const decoder = tokenizer.decoder({ skipSpecialTokens: true })
   * ```
   */
  decoder(options: DecodeOptions = {}): TokenDecoder {
    const { skipSpecialTokens, goesOn } = takeFlags('decoder', options, decodeDefaults)
    const decoder = callNative(() => new (native().TokenDecoder)(this.#handle, skipSpecialTokens, goesOn))
    return {
      push: (id) => decoder.push(takeId(id)),
      end: () => decoder.end(),
    }
  }

  /**
   * The id of the token with exactly this text, or undefined where no single token has it.
   *
   * @example
   * ```ts
   * const end = tokenizer.idOf('<|im_end|>')
   * ```
   */
  idOf(text: string): number | undefined {
    const given = takeText('idOf', text)
    const added = this.#addedIds.get(given)
    if (added !== undefined) return added
    const id = callNative(() => this.#handle.idOf(given))
    return id < 0 ? undefined : id
  }

  /**
   * The bytes of a token, which may be a part of a character; none for an id without a token.
   *
   * @throws {QuernError} `invalid_token` for what is no whole number.
   * @example
   * ```ts
   * const text = Buffer.concat([9707, 1879].map((id) => tokenizer.bytesOf(id))).toString() // 'Hello world' for Qwen3
   * ```
   */
  bytesOf(id: number): Uint8Array {
    const given = takeId(id)
    return callNative(() => this.#handle.tokenBytes(given))
  }

  /**
   * Whether a token is a special one such as `<|im_end|>`, which `skipSpecialTokens` leaves out.
   *
   * @throws {QuernError} `invalid_token` for what is no whole number.
   * @example
   * ```ts
   * const spoken = [9707, 1879].filter((id) => !tokenizer.isSpecial(id))
   * ```
   */
  isSpecial(id: number): boolean {
    const given = takeId(id)
    return callNative(() => this.#handle.isSpecial(given))
  }

  static {
    guardReceivers(Tokenizer, (value) => #handle in value)
    handleOf = (tokenizer) => tokenizer.#handle
  }
}

/** What a native call takes for a tokenizer. */
export function nativeTokenizer(tokenizer: Tokenizer): NativeTokenizer {
  try {
    return handleOf(tokenizer)
  } catch (cause) {
    // Only an instance has the private member, whatever has its prototype.
    throw new QuernError('invalid_option', `tokenizer: expected a Tokenizer, got ${show(tokenizer)}`, {
      value: tokenizer,
      cause,
    })
  }
}

/** The options of a call that has only flags. */
function takeFlags<Name extends string>(
  call: string,
  options: { [name in Name]?: boolean | undefined },
  defaults: Record<Name, boolean>,
): Record<Name, boolean> {
  const names = Object.keys(defaults) as Name[]
  const taken: { [name in Name]?: unknown } = takeOptions(call, options, names)
  const flags = { ...defaults }
  for (const name of names) {
    const value = taken[name]
    if (value === undefined) continue
    if (typeof value !== 'boolean') throw invalidOption(name, 'true or false', value)
    flags[name] = value
  }
  return flags
}

/** A whole number; those that no vocabulary can have become -1, which has no token. */
function takeId(id: unknown): number {
  if (!Number.isInteger(id))
    throw new QuernError('invalid_token', `expected a token id, a whole number, got ${show(id)}`, {
      value: id,
    })
  const value = id as number
  return value >= 0 && value < 2 ** 31 ? value : -1
}
