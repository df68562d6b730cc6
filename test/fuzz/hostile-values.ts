// Values as an enemy would write them: accessors and proxies that answer once like this and then like that, throw, or do something meanwhile.
import type { Random } from '../random.js'

/** What code of the caller throws: it must come out as it is. */
export class CallersError extends Error {}

/** ES2024's resizable buffers, which Node has and the types of ES2022 have not. */
export type Resizable = ArrayBuffer & { resize(bytes: number): void }
export const ResizableBuffer = ArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => Resizable

/** What nobody expects anywhere. */
function garbage(random: Random): unknown {
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  const endless = new Proxy([] as unknown[], {
    get: (target, key) => (key === 'length' ? 2 ** 32 - 1 : Reflect.get(target, key)),
  })
  const kinds: unknown[] = [
    ...[-7, Number.NaN, 1.5, -0, 2 ** 31, 2 ** 32 - 1, 2 ** 53, Number.POSITIVE_INFINITY, 10n, 0, 1],
    ...['', 'x', null, undefined, true, Symbol('none'), () => 1, {}, [], [[]], Object.create(null)],
    ...[
      new Array(3),
      new Array(2 ** 32 - 1),
      new Int32Array(2),
      new Date(Number.NaN),
      new String('ab'),
      endless,
      proxy,
    ],
    Object.create(AbortSignal.prototype),
  ]
  return kinds[random.integer(0, kinds.length - 1)]
}

/** How a value is attacked. `act` is what accessors do beside their answer. */
export interface Attack {
  /** The chance that a member is one of an enemy. */
  rate: number
  /** Absent: members only answer, one way the first time and another way later. */
  act?: () => void
}

/**
 * A hostile form of a plain value, and what it is to somebody who reads each of its members once: what a call makes of the two must be the
 * same. Members that are no data (functions, signals, buffers) stay.
 */
export function hostile(random: Random, value: unknown, attack: Attack): { hostile: unknown; once: unknown } {
  if (!isData(value)) return { hostile: value, once: value }
  const shape = () => (Array.isArray(value) ? [] : {}) as Record<string, unknown>
  const target = shape()
  const once = shape()
  for (const [key, plain] of Object.entries(value)) {
    const inner = hostile(random, plain, attack)
    if (!random.chance(attack.rate)) {
      target[key] = inner.hostile
      once[key] = inner.once
      continue
    }
    const [first, later] = random.chance(0.7)
      ? [inner.hostile, garbage(random)]
      : [garbage(random), inner.hostile]
    once[key] = first === inner.hostile ? inner.once : first
    let reads = 0
    const get = () => {
      if (attack.act !== undefined && random.chance(0.5)) attack.act()
      return reads++ === 0 ? first : later
    }
    Object.defineProperty(target, key, { enumerable: true, configurable: true, get })
  }
  const wrapped = random.chance(attack.rate) ? watched(random, target, attack) : target
  return { hostile: wrapped, once }
}

/** Behind a proxy, which may be revoked, or take members away, while it is read. */
function watched(random: Random, target: object, { act }: Attack): object {
  let left = random.integer(0, 30)
  const { proxy, revoke } = Proxy.revocable(target, {
    get(of, key) {
      if (act !== undefined && left-- === 0) {
        if (random.chance(0.5)) revoke()
        else act()
      }
      return Reflect.get(of, key)
    },
    ownKeys(of) {
      if (act !== undefined && random.chance(0.1)) act()
      return Reflect.ownKeys(of)
    },
  })
  return proxy
}

function isData(value: unknown): value is object {
  if (Array.isArray(value)) return true
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
