// The examples of web frameworks: `npm ci --prefix examples/express-sse`, `npm ci --prefix examples/next-chat`, and Debian's chromium.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../eventually.js'
import { requirePresent } from '../require-present.js'
import { exampleFolder, installQuern } from './install-example.js'

const express = exampleFolder('express-sse')
const next = exampleFolder('next-chat')
const browser = '/usr/bin/chromium'
requirePresent('Express', express ? undefined : 'npm ci --prefix examples/express-sse')
requirePresent('Next.js', next ? undefined : 'npm ci --prefix examples/next-chat')
requirePresent('Chromium', existsSync(browser) ? undefined : 'apt-get install chromium')

const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) process.kill(-(child.pid as number), 'SIGKILL')
})

/** Starts a server in a process group of its own, and gives the address that it prints. */
async function start(folder: string, command: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, PORT: '0', NEXT_TELEMETRY_DISABLED: '1' }
  const child = spawn(command, args, { cwd: folder, env, detached: true })
  children.push(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      said += text
    })
  const address = () => /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0]
  await eventually(() => address() !== undefined || child.exitCode !== null, 'its address')
  return address() ?? expect.fail(said)
}

describe.runIf(express)('server-sent events of Express', () => {
  let url: string
  beforeAll(async () => {
    installQuern(express as string)
    url = `${await start(express as string, process.execPath, 'server.js')}/chat`
  })
  const chat = (messages: unknown) =>
    fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ messages }),
    })

  it('come as the text does, with the usage at the end', async () => {
    const response = await chat([{ role: 'user', content: 'Hello!' }])
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const events = (await response.text()).trim().split('\n\n')
    expect(events.length).toBeGreaterThan(2)
    expect(events[0]).toMatch(/^event: text\ndata: "/)
    expect(events.at(-1)).toMatch(/^event: end\ndata: \{"finishReason":"stop","usage":\{"promptTokens":\d+,/)
  })

  it('are none where the messages are wrong', async () => {
    const response = await chat([{ role: 'usr', content: 'Hello!' }])
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'invalid_input' })
  })
})

describe.runIf(next && existsSync(browser))('useChat of Next.js', () => {
  let url: string
  beforeAll(async () => {
    const folder = next as string
    rmSync(join(folder, '.next'), { recursive: true, force: true })
    installQuern(folder)
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }
    const built = spawnSync('npx', ['next', 'build'], { cwd: folder, env, encoding: 'utf8' })
    if (built.status !== 0) expect.fail(built.stdout + built.stderr)
    url = await start(folder, 'npx', 'next', 'start', '-H', '127.0.0.1')
  })

  it('shows the answer of the model in the route', async () => {
    const chrome = await chromium.launch({ executablePath: browser, args: ['--no-sandbox'] })
    try {
      const page = await chrome.newPage()
      await page.goto(url)
      await page.getByLabel('Message').fill('Hello!')
      await page.getByRole('button', { name: 'Send' }).click()
      const answer = page.getByRole('listitem').filter({ hasText: 'assistant' })
      await page.getByRole('button', { name: 'Send' }).waitFor({ timeout: 60_000 })
      expect((await answer.textContent())?.length).toBeGreaterThan('assistant '.length + 2)
      expect(await page.getByRole('alert').filter({ hasText: /./ }).count()).toBe(0)
    } finally {
      await chrome.close()
    }
  })
})
