// A tool's answer refers to the call by its id. The library's are nine letters and digits, as some chat templates demand; clients are given
// them with their API's prefix, and give them back so.

/** As clients of an API know it. */
export function outerId(prefix: 'call_' | 'toolu_', id: string): string {
  return prefix + id
}

/** As the conversation has it, of whichever API it comes. */
export function innerId(id: string): string {
  return id.replace(/^(call|toolu)_/, '')
}
