import { type GenerateOptions, type Model, QuernError } from '../index.js'
import { type SamplingFlags, samplingFlags, samplingName } from './sampling-flags.js'

/** What every conversation of the command line begins with: it goes on, however long it gets. */
export function conversationDefaults({ info }: Model): Pick<GenerateOptions, 'contextOverflow'> {
  return { contextOverflow: info.attentionSinks === undefined ? 'truncate' : 'sink' }
}

/** What answers are generated with: begun by flags, changed by /set and /think. */
export class ChatSettings {
  readonly #model: Model
  #sampling: SamplingFlags
  #thinks: boolean | undefined

  constructor(model: Model, sampling: SamplingFlags) {
    this.#model = model
    this.#sampling = sampling
  }

  /** For `session.chat()`. */
  get options(): GenerateOptions {
    const thinking =
      this.#thinks === undefined ? {} : { templateVariables: { enable_thinking: this.#thinks } }
    return { ...this.#sampling, ...thinking }
  }

  /** Sets an option of generate() from its text; without a text, what the model recommends counts again. */
  set(name: string, text: string): void {
    const option = samplingName(name)
    if (option === undefined) {
      const names = Object.keys(samplingFlags).join(', ')
      throw new QuernError('unsupported_option', `there is no setting ${name}; there are ${names}`)
    }
    const { [option]: _, ...others } = this.#sampling
    this.#sampling = text === '' ? others : { ...others, [option]: parsed(option, text) }
  }

  /** Whether the model thinks before it answers. */
  think(thinks: boolean): void {
    if (!this.#model.chatTemplate.source.includes('enable_thinking')) {
      throw new QuernError(
        'unsupported_option',
        "this model's chat template has no enable_thinking: whether it thinks cannot be chosen",
      )
    }
    this.#thinks = thinks
  }

  /** One line for people. */
  toString(): string {
    const thinking = this.#thinks === undefined ? [] : [`thinking ${this.#thinks ? 'on' : 'off'}`]
    const set = Object.entries(this.#sampling).map(([name, value]) => `${name} ${value}`)
    return [...set, ...thinking].join(', ') || 'nothing is set: what the model recommends counts'
  }
}

/** A flag's value; commander says which flag had none, here it must be said. */
function parsed(option: keyof SamplingFlags, text: string): unknown {
  try {
    return samplingFlags[option].parse(text)
  } catch (cause) {
    const expected = (cause as Error).message
    throw new QuernError('invalid_option', `${option}: ${expected}, got ${JSON.stringify(text)}`, {
      value: text,
      cause,
    })
  }
}
