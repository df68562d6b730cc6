// The Dockerfile, without Docker: its own lines in a root of Debian's. It takes root and `apt-get install debootstrap iproute2 curl`.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requirePresent } from '../require-present.js'
import { Container } from './container.js'
import { buildImage, type Image } from './image.js'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const missing = whatIsMissing()
requirePresent('a root of its own', missing)

function whatIsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'it takes root'
  const tools = ['debootstrap', 'ip', 'curl', 'nsenter'].filter(
    (tool) => spawnSync('which', [tool]).status !== 0,
  )
  if (tools.length > 0) return `apt-get install debootstrap iproute2 curl util-linux (${tools} not found)`
  const own = spawnSync('unshare', ['--net', '--pid', '--mount', '--fork', 'true'])
  return own.status === 0 ? undefined : `this system lets nobody have a network of its own: ${own.stderr}`
}

describe.runIf(missing === undefined)('the image', () => {
  let workplace: string
  let image: Image
  let container: Container | undefined

  beforeAll(() => {
    workplace = mkdtempSync(join(tmpdir(), 'quern-image-'))
    image = buildImage(checkout, workplace)
  })
  afterAll(() => {
    container?.kill()
    rmSync(workplace, { recursive: true, force: true })
  })

  it('says what an engine must know', () => {
    expect(image).toMatchObject({ ports: [8080], volumes: ['/models'], env: { HF_HOME: '/models' } })
    expect(image.user).toMatch(/^[1-9]\d*:[1-9]\d*$/) // no root
    const { uid, gid } = statSync(join(image.root, 'models'))
    expect(`${uid}:${gid}`).toBe(image.user)
  })

  it('serves the bundled model, is healthy, and ends when it is told to', async () => {
    container = new Container(image)
    while (!/serving .* on /.test(container.said)) {
      if (container.hasEnded) expect.fail(container.said)
      await sleep(50)
    }
    expect(container.said).toContain('without an API key')
    expect(await container.exec(['id', '-u'])).toBe(`${image.user.split(':')[0]}\n`)
    await container.exec(image.healthCheck) // it fails otherwise
    const { status, text } = await container.fetch('/v1/completions', { prompt: 'Once', max_tokens: 8 })
    expect(status).toBe(200)
    expect(JSON.parse(text)).toMatchObject({ model: 'quern-tiny', usage: { completion_tokens: 8 } })
    expect((await container.fetch('/ready')).status).toBe(200)
    await container.exec(['/bin/sh', '-c', 'touch /models/new && ! touch /usr/local/lib/new'])
    expect(await container.stop()).toBe(0)
  })

  it('takes the flags of quern serve', async () => {
    container = new Container(image, '--model', 'no/such/model')
    while (!container.hasEnded) await sleep(50)
    expect(container.said).toContain('no/such/model')
  })
})
