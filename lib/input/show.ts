import { types } from 'node:util'

const mostCharacters = 80
const mostMembers = 8

/** A caller's value as it may stand in a message: short, and without running any code of the caller's. */
export function show(value: unknown): string {
  if (typeof value === 'object' && value !== null) return showObject(value)
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'string') return JSON.stringify(cut(value))
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? `${value}n` : 'a large bigint'
  return cut(String(value))
}

function showObject(value: object): string {
  if (types.isProxy(value)) return 'a proxy'
  if (!Array.isArray(value)) return isPlain(value) ? `{${members(value, (key) => `${key}: `)}}` : 'an object'
  return value.length > mostMembers ? `an array of ${value.length}` : `[${members(value, () => '')}]`
}

/** The members that are there without asking anybody. */
function members(value: object, label: (key: string) => string): string {
  const keys = Object.keys(value)
  const shown = keys.slice(0, mostMembers).map((key) => {
    const { value: member } = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor
    return label(cut(key)) + (typeof member === 'object' && member !== null ? '…' : show(member))
  })
  return [...shown, ...(keys.length > mostMembers ? ['…'] : [])].join(', ')
}

/** Others may have members without end, like a text that is an object. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function cut(text: string): string {
  return text.length > mostCharacters ? `${text.slice(0, mostCharacters)}…` : text
}
