// The page itself: what it keeps, its keys, its looks, its languages, and its size.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { load } from '../../lib/index.ts'
import { serve } from '../../lib/server/index.ts'
import { answers, expectAccessible, openPage, say, settled, useBrowser } from './browser.ts'
import { useFakeServer } from './fake-server.ts'

useBrowser()
const server = useFakeServer()

test('it takes less than 250 KB gzipped in all', () => {
  const folder = join(import.meta.dirname, '../../dist/web')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.gz'),
  )
  const bytes = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  expect(files.length).toBeGreaterThan(3)
  expect(bytes).toBeLessThan(250_000)
})

test('a chat with the bundled model', async () => {
  const model = await load(undefined, { threads: 1 })
  const real = await serve({ models: { 'quern-tiny': model }, port: 0, log: 'off' })
  try {
    const page = await openPage(`${real.url}/`)
    await say(page, 'Tell me a story about a fox')
    await settled(page)
    expect((await answers(page).first().textContent())?.length).toBeGreaterThan(20)
    await page.getByText(/^\d+ tokens( · [\d.]+ tokens\/s)?$/).waitFor() // a fast machine may be too fast for a speed
    await page.getByRole('button', { name: 'About the model' }).click()
    await page.getByText('2,048 tokens').waitFor()
  } finally {
    await real.close()
    await model.close()
  }
})

describe('conversations', () => {
  test('are kept, found, renamed, deleted and brought back', async () => {
    const page = await openPage(server.url)
    await say(page, 'about foxes')
    await settled(page)
    await page.keyboard.press('Alt+n')
    await say(page, 'about boats')
    await settled(page)
    await page.reload()
    await page.getByRole('button', { name: 'about foxes', exact: true }).click()
    await answers(page).getByText('An answer.').waitFor()
    await page.keyboard.press('Alt+k')
    await page.keyboard.type('boats')
    await page.getByRole('button', { name: 'about foxes', exact: true }).waitFor({ state: 'detached' })
    await page.getByRole('searchbox').fill('')
    const row = page.locator('.row', { hasText: 'about boats' })
    await row.hover()
    await row.getByRole('button', { name: /Options/ }).click()
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByRole('textbox', { name: 'Rename' }).fill('Sailing')
    await page.keyboard.press('Enter')
    const renamed = page.locator('.row', { hasText: 'Sailing' })
    await renamed.hover()
    await renamed.getByRole('button', { name: /Options/ }).click()
    await page.getByRole('button', { name: 'Delete' }).click()
    await renamed.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Undo' }).click()
    await renamed.waitFor()
  })

  test('are exported and imported', async () => {
    const page = await openPage(server.url)
    await say(page, 'to keep')
    await settled(page)
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export all' }).click()
    const file = await (await download).path()
    const other = await openPage(server.url)
    await other.locator('input[type=file]').setInputFiles(file)
    await other.getByText('1 conversation imported').waitFor()
    await other.getByRole('button', { name: 'to keep', exact: true }).click()
    await answers(other).getByText('An answer.').waitFor()
    await other.locator('input[type=file]').setInputFiles({
      name: 'a.json',
      mimeType: 'application/json',
      buffer: Buffer.from('{"format":"other"}'),
    })
    await other.getByText(/Nothing was imported: format: expected/).waitFor()
  })
})

/** Presses keys until they have done what they do: while a dialog is being closed they do nothing. */
async function pressUntil(page: Page, keys: string, seen: Locator): Promise<void> {
  do await page.keyboard.press(keys)
  while (
    !(await seen.waitFor({ timeout: 2000 }).then(
      () => true,
      () => false,
    ))
  )
}

describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
  test('is accessible: empty, in a conversation, in each dialog', async () => {
    server.script = (answer) => {
      answer.delta({ reasoning_content: 'Hm.' })
      answer.text(
        '# A\n\n```ts\n// why\nconst a: number = 1 + f("x")\n```\n\n| a |\n|---|\n| 1 |\n\n$x^2$ and [b](https://example.com)',
      )
      answer.end('length')
    }
    const page = await openPage(server.url, { colorScheme })
    await expectAccessible(page)
    await say(page, 'hi')
    await settled(page)
    await page.locator('.hljs-keyword').waitFor()
    await page.locator('math').waitFor()
    await expectAccessible(page)
    for (const keys of ['Alt+,', 'Alt+/']) {
      await pressUntil(page, keys, page.getByRole('dialog'))
      await expectAccessible(page)
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    server.script = (answer) => answer.error('wrong')
    await say(page, 'again')
    await page.getByRole('button', { name: 'Try again' }).waitFor()
    await expectAccessible(page) // the figures of the first answer fade away
    await answers(page).first().hover()
    await expectAccessible(page) // and come again
  })
})

test('a theme can be chosen, and is remembered', async () => {
  const page = await openPage(server.url, { colorScheme: 'light' })
  const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  const light = await paper()
  await page.keyboard.press('Alt+,')
  await page.getByLabel('Theme').selectOption('dark')
  expect(await paper()).not.toBe(light)
  await page.reload()
  expect(await paper()).not.toBe(light)
})

test('it speaks the language of the browser, or the chosen one', async () => {
  const page = await openPage(server.url, { locale: 'zh-CN' })
  await page.getByText('想聊点什么？').waitFor()
  expect(await page.getAttribute('html', 'lang')).toBe('zh-CN')
  await page.keyboard.press('Alt+,')
  await page.getByLabel('语言').selectOption('en')
  await page.getByText('What shall we talk about?').waitFor()
})

test('on a phone the list lies over the conversation, and nothing is wider than the screen', async () => {
  const page = await openPage(server.url, {
    viewport: { width: 360, height: 640 },
    hasTouch: true,
    isMobile: true,
  })
  server.script = (answer) => {
    answer.text(
      `${'word'.repeat(60)}\n\n\`\`\`\n${'long line '.repeat(20)}\n\`\`\`\n\n$$${'x+'.repeat(60)}y$$`,
    )
    answer.end()
  }
  await say(page, 'wide')
  await settled(page)
  await page.locator('math').waitFor()
  const width = await page.evaluate(() => document.documentElement.scrollWidth)
  expect(width).toBeLessThanOrEqual(360)
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Show conversations' }).click()
  await page.getByRole('button', { name: 'wide', exact: true }).waitFor()
  await expectAccessible(page)
  await page.getByRole('button', { name: 'wide', exact: true }).click()
  await page.getByRole('navigation').waitFor({ state: 'hidden' })
})

test('a line break is one, and words that are being composed are not sent', async () => {
  const page = await openPage(server.url)
  const field = page.locator('#message-field')
  await field.fill('one')
  await field.press('Shift+Enter')
  await page.keyboard.type('two')
  expect(await field.inputValue()).toBe('one\ntwo')
  await field.dispatchEvent('keydown', { key: 'Enter', isComposing: true })
  expect(await field.inputValue()).toBe('one\ntwo')
})
