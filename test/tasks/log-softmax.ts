/** log softmax(row)[token], in float64. */
export function logSoftmax(row: Float32Array, token: number): number {
  let largest = Number.NEGATIVE_INFINITY
  for (const logit of row) largest = Math.max(largest, logit)
  let sum = 0
  for (const logit of row) sum += Math.exp(logit - largest)
  return (row[token] as number) - largest - Math.log(sum)
}
