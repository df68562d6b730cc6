// Sticky, so that a match is tried at one place only; both are linear.
const numberLiteral = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const numberCharacters = /[-+.0-9eE]*/y

/** Where the characters end that a number is made of. */
export function numberCharactersEnd(text: string, position: number): number {
  numberCharacters.lastIndex = position
  numberCharacters.test(text)
  return numberCharacters.lastIndex
}

/** The number that stands at a place, as text; '' where none does. */
export function numberLiteralAt(text: string, position: number): string {
  numberLiteral.lastIndex = position
  return numberLiteral.exec(text)?.[0] ?? ''
}

/** Its value: a bigint for an integer of at most 20 characters that no double tells from its neighbours. */
export function numberOf(literal: string): number | bigint {
  const value = Number(literal)
  const isLarge = literal.length <= 20 && !Number.isSafeInteger(value) && /^-?[0-9]+$/.test(literal)
  return isLarge ? BigInt(literal) : value
}
