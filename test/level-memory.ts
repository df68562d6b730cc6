// Memory that stays level: what is done again and again leaves nothing behind.
import { expectBelow } from './promptly.js'

/**
 * Fails unless work leaves less than so many mebibytes more of resident memory behind, once at least. What allocators and the collector of
 * garbage keep for themselves, an arena for each thread for example, they take at some time and then have it; what leaks does so each time.
 */
export function expectLevelMemory(
  mebibytes: number,
  work: () => Promise<unknown>,
  what: string,
  resident: () => number | Promise<number> = () => process.memoryUsage.rss(),
): Promise<void> {
  const measure = async () => {
    const before = await resident()
    await work()
    return ((await resident()) - before) / 2 ** 20
  }
  return expectBelow(mebibytes, measure, what, 'mebibytes more')
}
