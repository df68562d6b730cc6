// The draws of a request, as native/engine/random.h makes them: Philox4x32-10 keyed by the seed, counting tokens.

/** Uniform in [0, 1). Stream 0 chooses tokens, stream 1 decides about xtc. */
export function uniformDraw(seed: number, index: number, stream = 0): number {
  const word = 0xffffffffn
  let counter = [BigInt(index) & word, BigInt(index) >> 32n, BigInt(stream), 0n]
  let key = [BigInt(seed) & word, BigInt(seed) >> 32n]
  for (let round = 0; round < 10; round++) {
    const [c0, c1, c2, c3] = counter as [bigint, bigint, bigint, bigint]
    const [k0, k1] = key as [bigint, bigint]
    const a = 0xd2511f53n * c0
    const b = 0xcd9e8d57n * c2
    counter = [(b >> 32n) ^ c1 ^ k0, b & word, (a >> 32n) ^ c3 ^ k1, a & word]
    key = [(k0 + 0x9e3779b9n) & word, (k1 + 0xbb67ae85n) & word]
  }
  const bits = ((counter[0] as bigint) << 32n) | (counter[1] as bigint)
  return Number(bits >> 11n) * 2 ** -53
}
