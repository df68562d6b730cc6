import type { NativeAnswer, NativeRows } from '../../lib/native/binding.js'

/** What the addon delivers, as columns. */
export function rowsOf(
  tokens: readonly { request: number; text: string; token?: number }[],
  answers: readonly NativeAnswer[] = [],
): NativeRows {
  let end = 0
  const ends = tokens.map(({ text }) => {
    end += text.length
    return end
  })
  return {
    requests: Int32Array.from(tokens, ({ request }) => request),
    tokens: Int32Array.from(tokens, ({ token = 7 }) => token),
    text: tokens.map(({ text }) => text).join(''),
    textEnds: Int32Array.from(ends),
    logprobs: undefined,
    answers: [...answers],
  }
}

/** How a generation ends that nothing happens to. */
export function endOf(request: number, finish: 'stop' | 'length'): NativeAnswer {
  return { request, kind: 'end', finish, queuedSeconds: 0, prefillSeconds: 0.5, decodeSeconds: 0.25 }
}
