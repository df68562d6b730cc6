/** The numbers that a setting may be. */
export interface Range {
  least: number
  most: number
  isWhole: boolean
}

const largestCount = 2 ** 31 - 1

/** As the server has them. */
export const ranges = {
  temperature: { least: 0, most: 2, isWhole: false },
  topP: { least: 0, most: 1, isWhole: false },
  maxTokens: { least: 1, most: largestCount, isWhole: true },
  seed: { least: 0, most: Number.MAX_SAFE_INTEGER, isWhole: true },
} satisfies Record<string, Range>

export function isWithin(number: number, { least, most, isWhole }: Range): boolean {
  return number >= least && number <= most && (!isWhole || Number.isInteger(number))
}
