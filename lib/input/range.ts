/** Where a number may lie; both ends belong to it unless said otherwise. */
export interface Range {
  min: number
  max: number
  /** Whole numbers alone, where the reader leaves that open. */
  integer?: boolean
  /** The minimum itself is not allowed. */
  above?: boolean
}

export function isInside(value: number, { min, max, above = false }: Range): boolean {
  return (above ? value > min : value >= min) && value <= max
}
