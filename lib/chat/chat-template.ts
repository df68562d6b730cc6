import { expectOptions, QuernError } from '../errors.js'
import { Budget } from './budget.js'
import { continuation } from './continue-final-message.js'
import { Places, PythonInterpreter } from './interpreter.js'
import { Environment, type Node, parseTemplate, type Scope, toValue, type Value } from './jinja.js'
import type { ChatMessage } from './messages.js'
import { strftime } from './strftime.js'
import { withoutUndefined } from './without-undefined.js'

/**
 * Special tokens that a template may use: those that tokenizer_config.json names, by its names.
 *
 * @example
 * ```ts
 * const tokens: ChatTemplateTokens = { bos_token: '<s>', eos_token: '</s>' }
 * ```
 */
export interface ChatTemplateTokens {
  bos_token?: string | undefined
  eos_token?: string | undefined
  pad_token?: string | undefined
  unk_token?: string | undefined
  [name: string]: string | undefined
}

/**
 * Options of {@link ChatTemplate.render}. Any other name is a variable of the template, such as `enable_thinking`.
 *
 * @example
 * ```ts
 * const options: RenderOptions = { addGenerationPrompt: true, enable_thinking: false }
 * const prompt = template.render(messages, options)
 * ```
 */
export interface RenderOptions {
  /** The tools that the model may call, mostly as OpenAI's API has them. */
  tools?: readonly object[] | null | undefined
  /** Open the assistant's answer. Default: false. */
  addGenerationPrompt?: boolean | undefined
  /** Leave the last message open, so that the model continues it. Default: false. */
  continueFinalMessage?: boolean | undefined
  /** What the template takes for now. Default: the clock. */
  now?: Date | undefined
  [variable: string]: unknown
}

const maxSourceCharacters = 512 * 1024
/** The library's lexer takes time in the square of this. */
const maxBlanks = 2000

/**
 * A chat template: a conversation to the text that a model was trained to continue. Templates are Jinja, as Hugging Face renders them;
 * they are bounded in time and output, whatever they hold.
 *
 * @example
 * ```ts
 * const template = new ChatTemplate("{% for m in messages %}[{{ m.role }}] {{ m.content }}{{ eos_token }}{% endfor %}", { eos_token: '</s>' })
 * template.render([{ role: 'user', content: 'Hello!' }]) // '[user] Hello!</s>'
 * ```
 */
export class ChatTemplate {
  /** The template's text. */
  readonly source: string
  readonly #tokens: ChatTemplateTokens
  readonly #program: Node
  readonly #places: Places

  /**
   * @param source The text of chat_template.jinja, or `chat_template` of tokenizer_config.json.
   * @param tokens The special tokens that the model has.
   * @throws {QuernError} `invalid_template` where it is no template, or uses what is not supported.
   * @example
   * ```ts
   * const template = new ChatTemplate(await readFile('chat_template.jinja', 'utf8'), { eos_token: '<|im_end|>' })
   * ```
   */
  constructor(source: string, tokens: ChatTemplateTokens = {}) {
    if (typeof source !== 'string') {
      throw new QuernError('invalid_input', `chat template: expected its text, got ${typeof source}`, {
        value: source,
      })
    }
    checkSource(source)
    this.source = source
    this.#tokens = tokens
    try {
      this.#program = parseTemplate(source)
      this.#places = new Places(this.#program)
    } catch (cause) {
      throw new QuernError('invalid_template', `chat template: ${(cause as Error).message}`, { cause })
    }
  }

  /**
   * The text of a conversation. Encode it without adding special tokens: the template wrote them.
   *
   * @throws {QuernError} `template_error` where the template refuses the conversation or fails, `template_limit` where it takes too
   * long, `invalid_input` where the last message can't be continued.
   * @example
   * ```ts
   * const prompt = template.render(messages, { addGenerationPrompt: true, enable_thinking: false })
   * const tokens = model.tokenizer.encode(prompt, { addSpecialTokens: false })
   * ```
   */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): string {
    expectOptions('render', options)
    if (!Array.isArray(messages)) {
      throw new QuernError('invalid_input', 'chat template: expected an array of messages', {
        value: messages,
      })
    }
    const { tools, addGenerationPrompt = false, continueFinalMessage = false, now, ...variables } = options
    if (!continueFinalMessage) return this.#render(messages, tools, addGenerationPrompt, now, variables)
    const { marked, cut } = continuation(messages, addGenerationPrompt)
    return cut(this.#render(marked, tools, false, now, variables))
  }

  #render(
    messages: readonly unknown[],
    tools: RenderOptions['tools'],
    addGenerationPrompt: boolean,
    now: Date | undefined,
    variables: Record<string, unknown>,
  ): string {
    const given = {
      ...this.#tokens,
      messages,
      tools: tools ?? null,
      documents: null,
      add_generation_prompt: addGenerationPrompt,
      ...variables,
    }
    const budget = new Budget(given)
    try {
      const scope: Scope = new Environment()
      declareGlobals(scope, budget, now)
      for (const [name, value] of Object.entries(given))
        scope.setVariable(name, toValue(withoutUndefined(value)))
      const rendered: Value = new PythonInterpreter(scope, this.#places, budget).run(this.#program)
      return rendered.value
    } catch (cause) {
      if (cause instanceof QuernError) throw cause
      if (cause instanceof Raised) throw new QuernError('template_error', cause.message)
      throw new QuernError('template_error', `the chat template failed: ${(cause as Error).message}`, {
        cause,
      })
    }
  }
}

/** The template called raise_exception. */
class Raised extends Error {}

function declareGlobals(scope: Scope, budget: Budget, now: Date | undefined): void {
  const constants = { true: true, True: true, false: false, False: false, none: null, None: null }
  for (const [name, value] of Object.entries(constants)) scope.setVariable(name, toValue(value))
  const functions: Record<string, (...args: never[]) => unknown> = {
    raise_exception: (message: unknown) => {
      throw new Raised(String(message))
    },
    strftime_now: (format: unknown) => strftime(now ?? new Date(), String(format).slice(0, 1000)),
    range: (...args: unknown[]) => range(args, budget),
  }
  for (const [name, value] of Object.entries(functions)) scope.setVariable(name, toValue(value))
}

/** Python's range, whose length is paid for before it is made. */
function range(args: unknown[], budget: Budget): number[] {
  const [start, stop, step] = args.length === 1 ? [0, args[0], 1] : [args[0], args[1], args[2] ?? 1]
  if (![start, stop, step].every(Number.isSafeInteger) || step === 0) {
    throw new Error('range() wants whole numbers, and a step that is not 0')
  }
  const length = Math.max(0, Math.ceil(((stop as number) - (start as number)) / (step as number)))
  budget.spend(length)
  return Array.from({ length }, (_, i) => (start as number) + i * (step as number))
}

function checkSource(source: string): void {
  if (source.length > maxSourceCharacters) {
    throw new QuernError(
      'invalid_template',
      `chat template: ${source.length} characters, at most ${maxSourceCharacters} are expected`,
      { value: source.length },
    )
  }
  let blanks = 0
  for (let i = 0; i < source.length; i++) {
    blanks = /\s/.test(source[i] as string) ? blanks + 1 : 0
    if (blanks > maxBlanks) {
      throw new QuernError('invalid_template', `chat template: more than ${maxBlanks} blanks in a row`, {
        value: blanks,
      })
    }
  }
}
