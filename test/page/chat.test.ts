// What can be done in a conversation.
import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { answers, openPage, say, settled, useBrowser } from './browser.ts'
import { type Answer, echo, useFakeServer } from './fake-server.ts'

useBrowser()
const server = useFakeServer()
const plain = server.script

test('a message is answered, and the whole conversation is told with the next', async () => {
  server.script = echo
  const page = await openPage(server.url)
  await say(page, 'one')
  await answers(page).getByText('You said one.').waitFor()
  await settled(page)
  await say(page, 'two')
  await answers(page).getByText('You said two.').waitFor()
  expect(server.asked[1]?.messages).toEqual([
    { role: 'user', content: 'one' },
    { role: 'assistant', content: 'You said one.' },
    { role: 'user', content: 'two' },
  ])
})

test('Markdown, code and formulas are set, and nothing that a model writes runs', async () => {
  server.script = (answer) => {
    answer.text('# Title\n\n- [x] done\n\n```js\nconst a = 1\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n')
    answer.text('$$\n\\frac{a}{b} = \\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}\n$$\n\nand $x^2$ for $5.\n\n')
    answer.text('<img src=x onerror="document.title=\'hacked\'"><script>document.title="hacked"</script>\n\n')
    answer.text('[a](javascript:document.title=1) [b](https://example.com/) ![c](https://example.com/c.png)')
    answer.end()
  }
  const page = await openPage(server.url)
  await say(page, 'hi')
  await settled(page)
  const answer = answers(page).first()
  await answer.locator('.hljs-keyword').waitFor()
  await answer.locator('math').nth(1).waitFor()
  expect(await answer.locator('mfrac, mtable').count()).toBe(2)
  expect(await answer.locator('h1, input, th').count()).toBe(4)
  expect(await answer.locator('td[align=right], input[type=checkbox]:checked').count()).toBe(2)
  expect(await answer.locator('img, script').count()).toBe(0)
  expect(
    await answer
      .getByRole('link')
      .evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).href)),
  ).toEqual(['https://example.com/', 'https://example.com/c.png'])
  expect(await page.title()).toBe('quern')
  await answer.locator('.code-head button').click()
  await answer.getByRole('button', { name: 'Copied' }).waitFor()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('const a = 1')
})

test.each([
  ['quotations', '> '.repeat(3000)],
  ['lists', Array.from({ length: 400 }, (_, i) => `${' '.repeat(2 * i)}- x\n`).join('')],
  ['a formula', `$$${'x^2+'.repeat(20_000)}1$$`],
])('an answer that cannot be set is shown as it was written: %s', async (_what, text) => {
  server.script = (answer) => {
    answer.text(`${text}the end`)
    answer.end()
  }
  const page = await openPage(server.url)
  await say(page, 'hi')
  await settled(page)
  await answers(page).getByText('the end').waitFor()
})

test('an answer is stopped by Escape, kept as far as it goes, and told so', async () => {
  let open: Answer | undefined
  server.script = (answer) => {
    answer.text('It was a dark')
    open = answer
  }
  const page = await openPage(server.url)
  await say(page, 'a story')
  await answers(page).getByText('It was a dark').waitFor()
  await page.keyboard.press('Escape')
  await page.getByText('Stopped here.').waitFor()
  await eventually(() => open?.isGone === true, 'the end of the request')
  server.script = plain
  await say(page, 'go on')
  await answers(page).getByText('An answer.').waitFor()
  expect(server.asked[1]?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
  expect(server.asked[1]?.messages[1]?.content).toBe('It was a dark')
})

test('an answer is made anew beside the first, and both can be gone through', async () => {
  let count = 0
  server.script = (answer) => {
    answer.text(`Answer ${++count}`)
    answer.end()
  }
  const page = await openPage(server.url)
  await say(page, 'hi')
  await settled(page)
  await page.getByRole('button', { name: 'Answer anew' }).click()
  await answers(page).getByText('Answer 2').waitFor()
  await settled(page)
  expect(server.asked[1]?.messages).toEqual([{ role: 'user', content: 'hi' }])
  await page.getByRole('button', { name: 'Version before' }).click()
  await answers(page).getByText('Answer 1').waitFor()
})

test('a question is edited and sent anew', async () => {
  server.script = echo
  const page = await openPage(server.url)
  await say(page, 'first')
  await settled(page)
  await page.getByRole('article', { name: 'You' }).hover()
  await page.getByRole('button', { name: 'Edit' }).click()
  await page.getByRole('textbox', { name: 'Edit' }).fill('second')
  await page.getByRole('button', { name: 'Send anew' }).click()
  await answers(page).getByText('You said second.').waitFor()
  expect(server.asked[1]?.messages).toEqual([{ role: 'user', content: 'second' }])
  await page.getByRole('button', { name: 'Version before' }).click()
  await answers(page).getByText('You said first.').waitFor()
})

test('a fork is a conversation of its own', async () => {
  const page = await openPage(server.url)
  await say(page, 'hi')
  await settled(page)
  await answers(page).getByRole('button', { name: 'Go on in a new chat' }).click()
  await page.getByRole('heading', { name: 'hi (fork)' }).waitFor()
  await page.locator('.row').nth(1).waitFor()
  expect(await page.locator('.row').count()).toBe(2)
})

test('what is set is asked for, and only that', async () => {
  const page = await openPage(server.url)
  await page.getByRole('button', { name: 'Settings' }).first().click()
  await page.getByLabel('System prompt').fill('Be brief.')
  await page.getByLabel('Temperature').fill('0.5')
  await page.getByLabel('Top p').fill('7')
  await page.getByText('A number from 0 to 1').waitFor()
  await page.getByLabel('Top p').fill('0.9')
  await page.getByLabel('Longest answer').fill('50')
  await page.getByLabel('Seed').fill('7')
  await page.keyboard.press('Escape')
  await page.getByLabel('Model', { exact: true }).selectOption('beta')
  await say(page, 'hi')
  await settled(page)
  const set = { model: 'beta', temperature: 0.5, top_p: 0.9, max_tokens: 50, seed: 7 }
  expect(server.asked[0]).toMatchObject({ ...set, messages: [{ role: 'system', content: 'Be brief.' }, {}] })
})

test('tools are told, their calls shown, and their results told', async () => {
  const page = await openPage(server.url)
  await page.getByRole('button', { name: 'Settings' }).first().click()
  await page.getByLabel('Tools').fill('[{"type":"function","function":{"name":"weather"}}]')
  await page.keyboard.press('Escape')
  server.script = (answer) => {
    answer.delta({
      tool_calls: [
        { index: 0, id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } },
      ],
    })
    answer.delta({ tool_calls: [{ index: 0, function: { arguments: '{"city":"Paris"}' } }] })
    answer.end('tool_calls')
  }
  await say(page, 'weather?')
  await page.getByText('Calls weather').waitFor()
  await settled(page)
  server.script = plain
  await page.getByLabel('What it gave').fill('sunny')
  await page.getByRole('button', { name: 'Send result' }).click()
  await answers(page).getByText('An answer.').waitFor()
  expect(server.asked[0]?.tools).toHaveLength(1)
  expect(server.asked[1]?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool'])
})

test('thoughts are folded', async () => {
  server.script = (answer) => {
    answer.delta({ reasoning_content: 'Let me see.' })
    answer.text('Yes.')
    answer.end()
  }
  const page = await openPage(server.url)
  await say(page, 'hi')
  await settled(page)
  const thought = page.getByText('Let me see.')
  expect(await thought.isVisible()).toBe(false)
  await page.getByText('Thoughts').click()
  await thought.waitFor()
})

test('figures: tokens, speed, and how full the context is', async () => {
  server.script = async (answer) => {
    answer.text('a')
    await new Promise((resolve) => setTimeout(resolve, 300))
    answer.text('b')
    answer.end('length', 10)
  }
  const page = await openPage(server.url)
  await say(page, 'hi')
  await page.getByText('Cut off at the limit of tokens.').waitFor()
  await page.getByText(/^10 tokens · [\d.]+ tokens\/s$/).waitFor()
  await page.getByText('100 / 1,000').waitFor()
})

describe('a server', () => {
  test('that is gone in the middle of an answer leaves what it wrote, and the answer is tried again', async () => {
    let open: Answer | undefined
    server.script = (answer) => {
      answer.text('Once upon')
      open = answer
    }
    const page = await openPage(server.url)
    await say(page, 'a story')
    await answers(page).getByText('Once upon').waitFor() // what a broken connection held would be lost
    open?.breakOff()
    await page.getByText(/The answer broke off/).waitFor()
    await answers(page).getByText('Once upon').waitFor()
    server.script = plain
    await page.getByRole('button', { name: 'Try again' }).click()
    await answers(page).getByText('An answer.').waitFor()
    await settled(page)
    await page.getByRole('button', { name: 'Version before' }).click()
    await answers(page).getByText('Once upon').waitFor()
  })

  test('that is away is missed, and noticed when it is back', async () => {
    const page = await openPage(server.url)
    await page.getByLabel('Model', { exact: true }).selectOption('alpha')
    await server.leave()
    await say(page, 'anybody?')
    await page.getByText(/The server does not answer. You can read/).waitFor()
    await page.getByText('anybody?').first().waitFor()
    await server.listen()
    await page.getByText(/The server does not answer. You can read/).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Try again' }).click()
    await answers(page).getByText('An answer.').waitFor()
    expect(server.asked.at(-1)?.messages).toEqual([{ role: 'user', content: 'anybody?' }])
  })

  test('that says what is wrong is heard', async () => {
    server.script = (answer) => answer.error('the context is full')
    const page = await openPage(server.url)
    await say(page, 'hi')
    await answers(page).getByText('the context is full').waitFor()
  })

  test('that wants a key gets it, and a reload asks no more', async () => {
    server.key = 'secret'
    const page = await openPage(server.url)
    await page.getByRole('dialog').getByLabel('API key').fill('wrong')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('The server does not take this key.').waitFor()
    await page.getByRole('dialog').getByRole('textbox').fill('secret')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.reload()
    await say(page, 'hi')
    await answers(page).getByText('An answer.').waitFor()
  })

  test('whose model is being loaded tells how far it is', async () => {
    const [loaded] = server.models
    const progress = { phase: 'load', loaded_bytes: 25, total_bytes: 100 }
    server.models = [{ ...loaded, status: 'loading', progress, details: null, max_model_len: null }]
    const page = await openPage(server.url)
    await page.getByText('The model is being loaded: 25 %').waitFor()
    server.models = [loaded as object]
    await page.getByText(/The model is being loaded/).waitFor({ state: 'detached' })
  })
})
