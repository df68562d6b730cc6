import type { Budget } from './budget.js'

const days = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')
const months = 'January February March April May June July August September October November December'.split(
  ' ',
)
const dayLength = 24 * 60 * 60 * 1000

const midnight = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate())
const dayOfYear = (date: Date) =>
  Math.round((midnight(date) - Date.UTC(date.getFullYear(), 0, 1)) / dayLength)

/** The year and the week that ISO 8601 counts a date to: the week's Thursday decides. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(
    date.getFullYear(),
    date.getMonth(),
    date.getDate() + 3 - ((date.getDay() + 6) % 7),
  )
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 }
}

/** A number, its digits, and what fills them up. */
type Code = (date: Date) => string | [value: number, digits: number, fill?: string]

const codes: Record<string, Code> = {
  a: (date) => (days[date.getDay()] as string).slice(0, 3),
  A: (date) => days[date.getDay()] as string,
  b: (date) => (months[date.getMonth()] as string).slice(0, 3),
  B: (date) => months[date.getMonth()] as string,
  c: (date) => strftime(date, '%a %b %e %H:%M:%S %Y'),
  C: (date) => [Math.floor(date.getFullYear() / 100), 2],
  d: (date) => [date.getDate(), 2],
  D: (date) => strftime(date, '%m/%d/%y'),
  e: (date) => [date.getDate(), 2, ' '],
  f: (date) => String(date.getMilliseconds()).padStart(3, '0').padEnd(6, '0'),
  F: (date) => strftime(date, '%Y-%m-%d'),
  g: (date) => [isoWeek(date).year % 100, 2],
  G: (date) => [isoWeek(date).year, 1],
  h: (date) => (months[date.getMonth()] as string).slice(0, 3),
  H: (date) => [date.getHours(), 2],
  I: (date) => [date.getHours() % 12 || 12, 2],
  j: (date) => [dayOfYear(date) + 1, 3],
  k: (date) => [date.getHours(), 2, ' '],
  l: (date) => [date.getHours() % 12 || 12, 2, ' '],
  m: (date) => [date.getMonth() + 1, 2],
  M: (date) => [date.getMinutes(), 2],
  n: () => '\n',
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  P: (date) => (date.getHours() < 12 ? 'am' : 'pm'),
  r: (date) => strftime(date, '%I:%M:%S %p'),
  R: (date) => strftime(date, '%H:%M'),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  S: (date) => [date.getSeconds(), 2],
  t: () => '\t',
  T: (date) => strftime(date, '%H:%M:%S'),
  u: (date) => String(date.getDay() || 7),
  U: (date) => [Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7), 2],
  V: (date) => [isoWeek(date).week, 2],
  w: (date) => String(date.getDay()),
  W: (date) => [Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7), 2],
  x: (date) => strftime(date, '%m/%d/%y'),
  X: (date) => strftime(date, '%H:%M:%S'),
  y: (date) => [date.getFullYear() % 100, 2],
  Y: (date) => [date.getFullYear(), 1],
  z: () => '',
  Z: () => '',
  '%': () => '%',
}

/**
 * Python's `strftime` of a local time without a zone, with English names, as the C library of Linux has it: `%-d` leaves out the zero, `%_d`
 * has a blank instead, `%^a` has capitals. Unknown codes stay as they are.
 */
export function strftime(date: Date, format: string, budget?: Budget): string {
  budget?.text(format.length * 24)
  return format.replace(/%([-_0^#]?)([a-zA-Z%])/g, (written, flag: string, letter: string) => {
    const value = Object.hasOwn(codes, letter) ? codes[letter]?.(date) : undefined
    if (value === undefined) return written
    const text = typeof value === 'string' ? value : padded(value[0], value[1], value[2] ?? '0', flag)
    return flag === '^' ? text.toUpperCase() : text
  })
}

function padded(value: number, digits: number, fill: string, flag: string): string {
  if (flag === '-') return String(value)
  return String(value).padStart(digits, flag === '_' ? ' ' : flag === '0' ? '0' : fill)
}
