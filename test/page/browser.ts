import { type Browser, type BrowserContextOptions, chromium as driver, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { violations } from './axe.ts'
import { chromium } from './installed.ts'

let browser: Browser
const wrong: string[] = []

/** A browser for the tests of a file. What breaks the content policy, throws, or asks for anything from elsewhere fails the test. */
export function useBrowser(): void {
  beforeAll(async () => {
    browser = await driver.launch({ executablePath: chromium, args: ['--no-sandbox'] })
  })
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close()
    expect(wrong.splice(0)).toEqual([])
  })
  afterAll(() => browser.close())
}

/** The page, in a browser that has never seen it. */
export async function openPage(url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    ...options,
  })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const page = await context.newPage()
  page.on('pageerror', (error) => wrong.push(String(error.stack)))
  page.on('console', (message) => {
    const isExpected = /Failed to load resource/.test(message.text()) // a server that is gone, on purpose
    if (message.type() === 'error' && !isExpected) wrong.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url()))
      wrong.push(`asks for ${request.url()}`)
  })
  await page.goto(url)
  await page.getByRole('textbox', { name: /^(Message|消息)$/ }).waitFor()
  return page
}

/** Writes a message and sends it. */
export async function say(page: Page, text: string): Promise<void> {
  const field = page.locator('#message-field')
  await field.fill(text)
  await field.press('Enter')
}

/** The answers that are shown, oldest first. */
export function answers(page: Page) {
  return page.getByRole('article', { name: 'Assistant' })
}

/** Waits until nothing is being written. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Send', exact: true }).waitFor()
}

/** Whether axe finds anything, with what and where. */
export async function expectAccessible(page: Page): Promise<void> {
  expect(await violations(page)).toEqual([])
}
