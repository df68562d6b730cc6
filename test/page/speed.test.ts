// A long answer that comes fast: the page stays free for whoever uses it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CDPSession } from 'playwright-core'
import { expect, test } from 'vitest'
import { answers, openPage, say, settled, useBrowser } from './browser.ts'
import { useFakeServer } from './fake-server.ts'

useBrowser()
const server = useFakeServer()

const tokens = 2000
const perSecond = 200

/** Prose, lists, code and formulas, word by word. */
function words(): string[] {
  const section = `## Part\n\nA paragraph with *some* words and $x^2$ that goes on for a while and then some more of it.\n\n- one thing
- another thing\n\n\`\`\`ts\nconst a = f(1) // why\nfor (const b of a) console.log(b)\n\`\`\`\n\n`
  return section
    .repeat(80)
    .split(/(?<=\s)/)
    .slice(0, tokens)
}

interface Task {
  start: number
  ms: number
}

/** Processor seconds that the page's thread has used. */
async function processorSeconds(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics')
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN
}

test(`${perSecond} tokens a second keep nothing waiting`, async () => {
  const page = await openPage(server.url)
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  await page.evaluate(() => {
    const tasks: Task[] = []
    Object.assign(globalThis, { tasks })
    new PerformanceObserver((list) => {
      for (const { startTime: start, duration: ms } of list.getEntries()) tasks.push({ start, ms })
    }).observe({ entryTypes: ['longtask'] })
  })
  let half = 0
  server.script = async (answer) => {
    const all = words()
    const began = performance.now()
    for (const [i, word] of all.entries()) {
      answer.text(word)
      if (i === all.length / 2) half = await processorSeconds(session)
      const due = began + (1000 * i) / perSecond
      if (due > performance.now()) await sleep(due - performance.now())
    }
    answer.end('stop', all.length)
  }
  const began = performance.now()
  const before = await processorSeconds(session)
  await say(page, 'go')
  await settled(page)
  const after = await processorSeconds(session)
  const seconds = (performance.now() - began) / 1000
  const tasks = await page.evaluate(() => (globalThis as unknown as { tasks: Task[] }).tasks)
  const longest = Math.max(0, ...tasks.map(({ ms }) => ms))
  console.log(
    `the page's thread: ${(half - before).toFixed(2)} s of the first half, ${(after - half).toFixed(2)} s of the second, in ${seconds.toFixed(1)} s; ${tasks.length} long tasks, the longest of ${longest} ms`,
  )
  expect((await answers(page).first().textContent())?.length).toBeGreaterThan(5000)
  // In processor time, which neighbours hardly change: it leaves the thread free, and a long answer is no dearer than a short one.
  expect(after - before).toBeLessThan(0.7 * seconds)
  expect(after - half).toBeLessThan(3 * (half - before))
})
