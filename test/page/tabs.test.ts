// A conversation in several tabs, and after a reload.
import { expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { answers, openPage, say, settled, useBrowser } from './browser.ts'
import { echo, useFakeServer } from './fake-server.ts'

useBrowser()
const server = useFakeServer()

test('a reload comes back to the conversation, and the arrows go from one to the other', async () => {
  server.script = echo
  const page = await openPage(server.url)
  await say(page, 'first')
  await answers(page).getByText('You said first.').waitFor()
  await settled(page)
  await page.locator('#message-field').fill('not sent yet')
  await page.reload()
  await answers(page).getByText('You said first.').waitFor()
  expect(await page.locator('#message-field').inputValue()).toBe('not sent yet')
  await page.goBack()
  await eventually(() => !page.url().includes('#'), 'the place before')
  await page.goForward()
  await answers(page).getByText('You said first.').waitFor()
})

test('what is said in one tab is seen in another, and none writes over the other', async () => {
  server.script = echo
  const one = await openPage(server.url)
  await say(one, 'first')
  await answers(one).getByText('You said first.').waitFor()
  await settled(one)
  const two = await one.context().newPage()
  await two.goto(one.url())
  await answers(two).getByText('You said first.').waitFor()
  await say(two, 'second')
  await answers(two).getByText('You said second.').waitFor()
  await answers(one).getByText('You said second.').waitFor()
  await settled(two)
  await say(one, 'third')
  await answers(one).getByText('You said third.').waitFor()
  await settled(one)
  await two.reload()
  await answers(two).getByText('You said second.').waitFor()
  await answers(two).getByText('You said third.').waitFor()
  expect(await answers(two).count()).toBe(3)
})
