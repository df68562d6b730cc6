// What is wrong with a value, in the words of this project: what was expected, and what came. Words that a schema has itself come first.
import type { z } from 'zod'
import { nearestName } from '../nearest-name.js'

const kinds: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

/** For `safeParse(value, { error: issueWords })`. */
export const issueWords: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `is no parameter of this request${hint(issue.keys[0] as string, issue.inst)}`
    case 'invalid_type':
    case 'invalid_value':
    case 'invalid_union': {
      const expected = expectedBy(issue)
      return expected.length > 0 ? `expected ${either(expected)}, got ${said(issue.input)}` : undefined
    }
    case 'too_big':
      return bound(issue, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)
    case 'too_small':
      return bound(issue, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)
    default:
      return undefined
  }
}

function hint(unknown: string, schema: unknown): string {
  const shape = (schema as z.core.$ZodObject | undefined)?._zod.def.shape ?? {}
  const meant = nearestName(unknown, Object.keys(shape))
  return meant === undefined ? '' : `: did you mean '${meant}'?`
}

/** What would have been right, each once; nothing where an alternative does not say. */
function expectedBy(issue: z.core.$ZodRawIssue | z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_type') return [kinds[issue.expected] ?? issue.expected]
  if (issue.code === 'invalid_value') return issue.values.map(String)
  if (issue.code !== 'invalid_union') return []
  const each = issue.errors.map(([first]) => (first && first.path.length === 0 ? expectedBy(first) : []))
  return each.some((words) => words.length === 0) ? [] : [...new Set(each.flat())]
}

function bound(issue: { origin: string; input?: unknown }, how: string, limit: number | bigint): string {
  const { input } = issue
  if (typeof input === 'string') return `expected ${how} ${limit} characters, got ${input.length}`
  if (Array.isArray(input)) return `expected ${how} ${limit} of them, got ${input.length}`
  if (issue.origin === 'number' || issue.origin === 'int')
    return `expected ${how} ${limit}, got ${said(input)}`
  return `expected ${how} ${limit} of them`
}

function either(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

/** What came, so short that it fits a message. */
function said(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (Array.isArray(value)) return 'a list'
  return value !== null && typeof value === 'object' ? 'an object' : String(value).slice(0, 40)
}
