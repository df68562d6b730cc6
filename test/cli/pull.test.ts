import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { formatBytes } from '../../lib/cli/bytes.js'
import { downloadBar, downloadLines } from '../../lib/cli/download-progress.js'
import { eventually } from '../eventually.js'
import { commit } from '../hub/fake-hub.js'
import { fakeHub, noisyRepo, treeOf } from '../hub/hub.js'
import { temporaryFolder } from '../model/temporary.js'
import { quern } from './quern.js'

const temporary = temporaryFolder()
const hub = fakeHub()
const id = 'org/name'
const size = 8_000_000

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** The built program in a process of its own. */
function start(...argv: string[]) {
  if (!existsSync(program)) throw new Error(`${program} is missing: npm run build:lib makes it`)
  const child = spawn(process.execPath, [program, ...argv], {
    env: { ...process.env, HF_ENDPOINT: hub.current.endpoint },
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (text) => {
    out += text
  })
  child.stderr.on('data', (text) => {
    err += text
  })
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, out, err }))
  })
  onTestFinished(() => void child.kill('SIGKILL')) // one that a failed test leaves would load the hub in the next
  return { child, ended }
}

/** Bytes of unfinished files that a download has noted as there: what it goes on from, however much more the hub has sent. */
function notedIn(cacheDir: string): number {
  const journals = treeOf(cacheDir).filter((name) => name.endsWith('journal'))
  const lines = journals.flatMap((name) => linesOf(`${cacheDir}/${name}`))
  return lines.reduce((sum, line) => {
    const [start = 0, end = 0] = line.split(' ').map(Number)
    return sum + end - start
  }, 0)
}

/** None of a file that is gone: the program removes the journal of what is complete. */
function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

describe('quern pull', () => {
  it('says where the model is, and what came', async () => {
    hub.current.serveFolder('quern/tiny', bundledModelPath())
    const cacheDir = temporary.join('plain')
    const first = await quern('pull', 'quern/tiny', '--cache-dir', cacheDir)
    const path = `${cacheDir}/models--quern--tiny/snapshots/${commit}`
    expect(first).toMatchObject({ code: 0, out: `${path}\n` })
    expect(first.err).toMatch(/model\.safetensors: 10\.9 MB\n/)
    expect(first.err).toMatch(/\n\d files, 11\.\d MB, 11\.\d MB downloaded\n$/)
    const second = await quern('pull', 'quern/tiny', '--cache-dir', cacheDir, '--revision', 'main', '--json')
    expect(JSON.parse(second.out)).toMatchObject({
      id: 'quern/tiny',
      path,
      revision: commit,
      downloadedBytes: 0,
    })
    expect(second.err).toMatch(/^\d files, 11\.\d MB, all were there\n$/)
    const model = ['--model', 'quern/tiny', '--cache-dir', cacheDir]
    const [hubs, bundled] = [
      await quern('generate', 'Once', '--max-tokens', '4', '--temperature', '0', ...model),
      await quern('generate', 'Once', '--max-tokens', '4', '--temperature', '0'),
    ]
    expect(hubs).toEqual(bundled)
    expect((await quern('inspect', ...model)).out).toMatch(`revision       ${commit}\n`)
  })

  it('fails with 1 and the code, and with 2 for wrong usage', async () => {
    expect(await quern('pull', 'org/absent', '--cache-dir', temporary.join('none'))).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^error: .*answered 404; there is no such model.* \(hub_not_found\)\n$/),
    })
    expect(await quern('pull', id, '--revision', '../x')).toMatchObject({ code: 2 })
    expect(await quern('pull')).toMatchObject({ code: 2 })
  })

  it('ends with 130 after Ctrl-C and goes on the next time', async () => {
    const { files } = noisyRepo(size)
    hub.current.repos.set(id, { commit, files })
    hub.current.delayMs = 2
    const cacheDir = temporary.join('interrupted')
    const argv = ['pull', id, '--cache-dir', cacheDir]
    const { child, ended } = start(...argv)
    await eventually(() => notedIn(cacheDir) > size / 3, 'a third of it is there')
    child.kill('SIGINT')
    expect(await ended).toMatchObject({
      code: 130,
      out: '',
      err: expect.stringMatching(/interrupted; the same command goes on from here\n$/),
    })
    hub.current.delayMs = 0
    const [before, noted] = [hub.current.sent, notedIn(cacheDir)]
    expect(await quern(...argv)).toMatchObject({ code: 0 })
    expect(hub.current.sent - before).toBeLessThan(size - noted + 100_000)
  })

  it('that was killed is gone on with by the next', async () => {
    const { files } = noisyRepo(size)
    hub.current.repos.set(id, { commit, files })
    hub.current.delayMs = 2
    const cacheDir = temporary.join('killed')
    const { child, ended } = start('pull', id, '--cache-dir', cacheDir)
    await eventually(() => notedIn(cacheDir) > size / 3, 'a third of it is there')
    child.kill('SIGKILL')
    await ended
    expect(treeOf(cacheDir).filter((name) => /incomplete$|quern\.lock$/.test(name))).toHaveLength(2)
    hub.current.delayMs = 0
    const [before, noted] = [hub.current.sent, notedIn(cacheDir)]
    const { out } = await quern('pull', id, '--cache-dir', cacheDir)
    expect(hub.current.sent - before).toBeLessThan(size - noted + 100_000)
    expect(
      (await readFile(`${out.trim()}/model.safetensors`)).equals(files['model.safetensors'] as Buffer),
    ).toBe(true)
    expect(treeOf(cacheDir).filter((name) => /incomplete|journal|lock$/.test(name))).toEqual([])
  })

  it('shares the work with others that fetch the same', async () => {
    const { files } = noisyRepo(size)
    hub.current.repos.set(id, { commit, files })
    hub.current.delayMs = 1
    const cacheDir = temporary.join('shared')
    const runs = await Promise.all(
      Array.from({ length: 3 }, () => start('pull', id, '--cache-dir', cacheDir, '--json').ended),
    )
    expect(runs.map(({ code, err }) => ({ code, err }))).toEqual(
      runs.map(() => ({ code: 0, err: expect.any(String) })),
    )
    const [{ path }] = runs.map(({ out }) => JSON.parse(out))
    expect((await readFile(`${path}/model.safetensors`)).equals(files['model.safetensors'] as Buffer)).toBe(
      true,
    )
    expect(hub.current.sent).toBeLessThan(1.1 * size)
    expect(treeOf(cacheDir).filter((name) => /incomplete|journal|lock$|tmp$/.test(name))).toEqual([])
  })
})

describe('progress', () => {
  const files = (loaded: number) => [
    { name: 'config.json', bytes: 700, loadedBytes: 700 },
    { name: 'model.safetensors', bytes: 4_000_000_000, loadedBytes: loaded },
  ]
  const at = (loaded: number) => ({
    loadedBytes: 700 + loaded,
    totalBytes: 4_000_000_700,
    files: files(loaded),
  })

  it('is a bar on a terminal', () => {
    let text = ''
    const bar = downloadBar(
      (more) => {
        text += more
      },
      () => 120,
    )
    bar.show(at(0))
    bar.show(at(1_000_000_000))
    expect(text.split('\r\x1b[K').at(-1)).toMatch(
      /^█{5}░{15} 25 % {2}1\.00 GB of 4\.00 GB {2}.*\/s {2}.* left {2}model\.safetensors$/,
    )
    bar.print('warning: x\n')
    bar.show(at(4_000_000_000))
    bar.end()
    expect(text).toContain('\r\x1b[Kwarning: x\n')
    expect(text).toContain('\r\x1b[Kmodel.safetensors  4.00 GB\n')
    expect(text).not.toContain('config.json')
    expect(text.endsWith('\r\x1b[K')).toBe(true)
    let narrow = ''
    downloadBar(
      (more) => {
        narrow += more
      },
      () => 20,
    ).show(at(1))
    expect(narrow.length).toBeLessThan(25)
  })

  it('is lines elsewhere', () => {
    let text = ''
    const lines = downloadLines((more) => {
      text += more
    })
    for (let loaded = 0; loaded <= 4_000_000_000; loaded += 500_000_000) lines.show(at(loaded))
    expect(text).toBe(
      '10 % of 4.00 GB\n20 % of 4.00 GB\n30 % of 4.00 GB\n50 % of 4.00 GB\n60 % of 4.00 GB\n70 % of 4.00 GB\n80 % of 4.00 GB\nmodel.safetensors: 4.00 GB\n',
    )
  })

  it('writes sizes as the hub does', () => {
    expect([0, 999, 1000, 8_045_591_552].map(formatBytes)).toEqual([
      '0 bytes',
      '999 bytes',
      '1.00 kB',
      '8.05 GB',
    ])
  })
})
