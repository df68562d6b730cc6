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
  const requests = tokens.map(({ request }) => request)
  const ids = tokens.map(({ token = 7 }) => token)
  const text = tokens.map(({ text }) => text).join('')
  const columns = [requests, ids, ends].map((column) => [...column, -1]) // more room than is used
  return [Int32Array.from(columns.flat()), tokens.length, text, undefined, [...answers]]
}

/** How a generation ends that nothing happens to. */
export function endOf(request: number, finish: 'stop' | 'length'): NativeAnswer {
  const seconds = { queuedSeconds: 0, prefillSeconds: 0.5, decodeSeconds: 0.25 }
  return { request, kind: 'end', finish, stopString: -1, ...seconds }
}
