import { isRecord } from '../input/is-record.js'

/** White space as the formats of tool calls mean it. */
const blanks = ' \t\r\n'

export function isBlank(character: string | undefined): boolean {
  return character !== undefined && character !== '' && blanks.includes(character)
}

/** The first place from `at` on that holds no white space. */
export function skipBlanks(text: string, at: number): number {
  let end = at
  while (isBlank(text[end])) end++
  return end
}

export function trimBlanks(text: string): string {
  const start = skipBlanks(text, 0)
  return text.slice(start, Math.max(start, blanksBefore(text, text.length)))
}

/** Where the white space that ends at `end` begins. */
export function blanksBefore(text: string, end: number): number {
  let start = end
  while (start > 0 && isBlank(text[start - 1])) start--
  return start
}

/** What JSON may hold outside of its strings. */
const outsideStrings = new Set(' \t\r\n{}[],:"0123456789+-.eEtrufalsn')

/**
 * Finds the end of a JSON value that begins with a bracket, in a text that comes in pieces, and looks at each character once. Strings are
 * respected; what JSON has nowhere outside of them makes it invalid at once, the rest is not judged. So of values that begin within each
 * other only one gets far: where one is within a string, the other meets the `<` of the next tag, or a backslash, outside.
 */
export class BracketScan {
  #depth = 0
  #inString = false
  #isEscaped = false

  /** Reads `piece` from `at` on: the place after the matching bracket, -1 where this is no JSON, undefined while it goes on. */
  advance(piece: string, at: number): number | undefined {
    for (let i = at; i < piece.length; i++) {
      const character = piece[i] as string
      if (this.#isEscaped) this.#isEscaped = false
      else if (this.#inString) {
        if (character === '\\') this.#isEscaped = true
        else if (character === '"') this.#inString = false
      } else if (character === '"') this.#inString = true
      else if (character === '{' || character === '[') this.#depth++
      else if (character === '}' || character === ']') {
        if (--this.#depth === 0) return i + 1
      } else if (!outsideStrings.has(character)) return -1
    }
    return undefined
  }
}

/** The text of the JSON value that begins with a bracket at `start`; undefined where none ends. */
export function bracketedText(text: string, start: number): string | undefined {
  const end = new BracketScan().advance(text, start)
  return end === undefined || end < 0 ? undefined : text.slice(start, end)
}

/**
 * A call of a tool, as a model wrote it.
 *
 * @example
 * ```ts
 * const { name, arguments: json }: ParsedToolCall = { name: 'get_weather', arguments: '{"city": "Paris"}' }
 * console.log(name, JSON.parse(json).city)
 * ```
 */
export interface ParsedToolCall {
  name: string
  /** JSON text of an object, digits as the model wrote them. */
  arguments: string
  /** Mistral's models give their calls ids. */
  id?: string
}

/** The call that a JSON object describes; undefined where it is none, or one that is not accepted. */
export function toCall(
  json: string,
  accepts: (call: Record<string, unknown>) => boolean = () => true,
): ParsedToolCall | undefined {
  if (isDeep(json)) return undefined
  const text = escapeControls(json)
  const call = parseObject(text)
  if (call === undefined || typeof call.name !== 'string' || call.name === '') return undefined
  if (!accepts(call)) return undefined
  const key = Object.hasOwn(call, 'arguments') ? 'arguments' : 'parameters'
  const id = typeof call.id === 'string' ? { id: call.id } : {}
  const given = (Object.hasOwn(call, key) ? call[key] : null) ?? ''
  if (typeof given !== 'string') {
    return isRecord(given) ? { name: call.name, arguments: memberText(text, key), ...id } : undefined
  }
  if (trimBlanks(given) === '') return { name: call.name, arguments: '{}', ...id }
  if (isDeep(given)) return undefined
  const inner = escapeControls(given)
  return parseObject(inner) && { name: call.name, arguments: trimBlanks(inner), ...id }
}

/** Nested deeper than any arguments are: templates and copies of messages would fail on it. */
const mostLevels = 100

function isDeep(json: string): boolean {
  let depth = 0
  for (let i = 0; i < json.length; i++) {
    const character = json[i] as string
    if (character === '"') i = endOfString(json, i) - 1
    else if ('{['.includes(character) && ++depth > mostLevels) return true
    else if ('}]'.includes(character)) depth--
  }
  return false
}

/** The JSON values of an array that `json` holds, as their own texts; undefined where it is no array of JSON. */
export function itemTexts(json: string): string[] | undefined {
  try {
    if (!Array.isArray(JSON.parse(escapeControls(json)))) return undefined
  } catch {
    return undefined
  }
  return splitMembers(json).map(({ start, end }) => json.slice(start, end))
}

/** Raw control characters within strings, which models write and JSON forbids, as escapes. */
function escapeControls(json: string): string {
  let escaped = ''
  let copied = 0
  let inString = false
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i)
    if (code === 0x22) inString = !inString
    else if (code === 0x5c && inString) i++
    else if (inString && code < 0x20) {
      escaped += `${json.slice(copied, i)}\\u${code.toString(16).padStart(4, '0')}`
      copied = i + 1
    }
  }
  return escaped + json.slice(copied)
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The text of an object's member; of several with the same key, the last. */
function memberText(json: string, key: string): string {
  let found = ''
  for (const { start, end } of splitMembers(json)) {
    const member = json.slice(start, end)
    const colon = endOfString(member, 0)
    if (JSON.parse(member.slice(0, colon)) === key)
      found = trimBlanks(member.slice(member.indexOf(':', colon) + 1))
  }
  return found
}

/** The members of a valid JSON object or array, without the white space around them. */
function splitMembers(json: string): { start: number; end: number }[] {
  const members: { start: number; end: number }[] = []
  let depth = 0
  let start = 0
  const close = (end: number) => {
    const first = skipBlanks(json, start)
    const last = blanksBefore(json, end)
    if (first < last) members.push({ start: first, end: last })
  }
  for (let i = 0; i < json.length; i++) {
    const character = json[i] as string
    if (character === '"') i = endOfString(json, i) - 1
    else if ('{['.includes(character) && depth++ === 0) start = i + 1
    else if ('}]'.includes(character) && --depth === 0) close(i)
    else if (character === ',' && depth === 1) {
      close(i)
      start = i + 1
    }
  }
  return members
}

/** The place after the JSON string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1
  return i + 1
}
