// Floats as decimal digits, exactly: a float is a whole number times a power of two, and rounding is done on whole numbers, half to even.

/** `value * 10 ** places`, rounded to a whole number. */
function scaled(value: number, places: number): bigint {
  const [mantissa, power] = parts(Math.abs(value))
  let numerator = mantissa
  let denominator = 1n
  if (power >= 0) numerator <<= BigInt(power)
  else denominator <<= BigInt(-power)
  if (places >= 0) numerator *= 10n ** BigInt(places)
  else denominator *= 10n ** BigInt(-places)
  return roundedQuotient(numerator, denominator)
}

/** Of whole numbers that are not negative, half to even. */
export function roundedQuotient(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator
  const twice = 2n * (numerator - quotient * denominator)
  return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient
}

/** The whole number and the power of two that a float is. */
function parts(value: number): [mantissa: bigint, power: number] {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  return exponent === 0 ? [fraction, -1074] : [fraction | (1n << 52n), exponent - 1075]
}

/** Digits of a value that is not negative with `places` after the point. */
export function fixed(value: number, places: number): string {
  const digits = scaled(value, places)
    .toString()
    .padStart(places + 1, '0')
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`
}

/** The digits of a value that is not negative, one before the point and `places` after it, and the power of ten. */
export function exponential(value: number, places: number): { digits: string; power: number } {
  if (value === 0) return { digits: '0'.repeat(places + 1), power: 0 }
  let power = Math.floor(Math.log10(value))
  let digits = scaled(value, places - power).toString()
  while (digits.length > places + 1) digits = scaled(value, places - ++power).toString()
  while (digits.length < places + 1) digits = scaled(value, places - --power).toString()
  return { digits, power }
}

/** `round(value, places)`. */
export function round(value: number, places: number): number {
  if (!Number.isFinite(value) || places > 330) return value
  if (places < -330) return value < 0 || Object.is(value, -0) ? -0 : 0
  const digits = scaled(value, places)
  const rounded = Number(places > 0 ? `${digits}e-${places}` : digits * 10n ** BigInt(-places))
  return value < 0 || Object.is(value, -0) ? -rounded : rounded
}
