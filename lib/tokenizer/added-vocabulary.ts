import type { NativeAddedToken } from '../native/tokenizer-definition.js'
import { invalid, MAX_ADDED_TOKENS, MAX_TOKEN_ID } from './expect.js'

/** A token that a file adds to the vocabulary. */
export interface AddedToken extends Omit<NativeAddedToken, 'id'> {
  /** As the file has it, which is a wish. */
  id?: number
}

/**
 * The tokens that are added to a vocabulary, with the ids that Hugging Face's `tokenizers` gives them: a text that the vocabulary has keeps
 * its id, any other is counted on from what is there. The ids that files write are not asked; mostly they agree.
 */
export class AddedVocabulary {
  readonly #vocabulary: ReadonlyMap<string, number>
  readonly #tokens = new Map<string, NativeAddedToken>()
  /** All ids that have a token. */
  readonly #taken: Set<number>
  #greatest = -1

  /** @param ids Those of the vocabulary; they become the new one's own. */
  constructor(vocabulary: ReadonlyMap<string, number>, ids: Set<number>) {
    this.#vocabulary = vocabulary
    this.#taken = ids
  }

  has(content: string): boolean {
    return this.#tokens.has(content)
  }

  /** Adds a token. One that is there gets the new properties; what has once been special stays so. A token without text is none. */
  add(token: AddedToken, where: string): void {
    const { content } = token
    if (content === '') return
    const known = this.#tokens.get(content)
    const id = known?.id ?? this.#vocabulary.get(content) ?? this.#freeId(token, where)
    this.#greatest = Math.max(this.#greatest, id)
    this.#taken.add(id)
    if (known === undefined && this.#tokens.size >= MAX_ADDED_TOKENS)
      throw invalid(where, `at most ${MAX_ADDED_TOKENS} added tokens in all`, content)
    this.#tokens.set(content, { ...token, id, special: token.special || known?.special === true })
  }

  /** Adds a special token, unless it is there: then it becomes special. */
  addSpecial(token: AddedToken, where: string): void {
    const known = this.#tokens.get(token.content)
    this.add({ ...(known ?? token), special: true }, where)
  }

  /** All of them, in the order in which they came. */
  tokens(): NativeAddedToken[] {
    return [...this.#tokens.values()]
  }

  /** Where counting hits a token of the vocabulary, the library gives both one id. The file's own is better then, if it is free. */
  #freeId({ id, content }: AddedToken, where: string): number {
    const { size } = this.#vocabulary
    const next = this.#greatest >= size ? this.#greatest + 1 : size
    const isFree = (one: number | undefined) =>
      one !== undefined && one >= 0 && one <= MAX_TOKEN_ID && !this.#taken.has(one)
    const chosen = [next, id].find(isFree)
    if (chosen === undefined) throw invalid(where, `a free id for ${JSON.stringify(content)}`, id)
    return chosen
  }
}
