import { lstat, mkdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { PullProgress } from '../../lib/checkpoint/pull.js'
import { pull } from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'
import { commit, gitHash, sha256 } from './fake-hub.js'
import { fakeHub, noisyRepo, quickPull, treeOf } from './hub.js'

const temporary = temporaryFolder()
const hub = fakeHub()
const id = 'org/name'

function serve(bytes = 1_000_000) {
  const repo = noisyRepo(bytes)
  hub.current.repos.set(id, repo)
  return repo
}

describe('the cache', () => {
  it('has the layout of the Python library', async () => {
    const cacheDir = temporary.join('layout')
    const { files } = serve()
    const weights = files['model.safetensors'] as Buffer
    const config = files['config.json'] as Buffer
    const pulled = await pull(id, { cacheDir })
    const root = `${cacheDir}/models--org--name`
    expect(pulled).toEqual({
      path: `${root}/snapshots/${commit}`,
      revision: commit,
      files: expect.arrayContaining([{ name: 'model.safetensors', bytes: 1_000_000 }]),
      bytes: pulled.files.reduce((sum, { bytes }) => sum + bytes, 0),
      downloadedBytes: pulled.bytes,
    })
    expect(await readFile(`${root}/refs/main`, 'utf8')).toBe(commit)
    expect(await readlink(`${pulled.path}/config.json`)).toBe(`../../blobs/${gitHash(config)}`)
    expect(await readlink(`${pulled.path}/model.safetensors`)).toBe(`../../blobs/${sha256(weights)}`)
    expect((await readFile(`${root}/blobs/${sha256(weights)}`)).equals(weights)).toBe(true)
    expect((await lstat(`${root}/blobs/${sha256(weights)}`)).isFile()).toBe(true)
    const names = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer_config.json']
    expect(treeOf(pulled.path)).toEqual(names)
    expect(treeOf(`${root}/blobs`)).toHaveLength(names.length)
    expect(treeOf(`${cacheDir}/.locks/models--org--name`)).toEqual([])
  })

  it('has the chat templates with names of their own', async () => {
    const cacheDir = temporary.join('templates')
    const { files } = serve()
    const name = 'additional_chat_templates/tool_use.jinja'
    const others = ['additional_chat_templates/README.md', 'additional_chat_templates/../x.jinja']
    for (const path of [name, ...others]) files[path] = Buffer.from('{{ tools }}')
    const { path, files: pulled } = await pull(id, { cacheDir })
    expect(await readFile(`${path}/${name}`, 'utf8')).toBe('{{ tools }}')
    const named = (list: { name: string }[]) =>
      list.map(({ name }) => name).filter((name) => /template/.test(name))
    expect(named(pulled)).toEqual([name])
    process.env.HF_HUB_OFFLINE = '1'
    expect(named((await pull(id, { cacheDir })).files)).toEqual([name])
  })

  it('is asked for once: the second time the hub only says that nothing has changed', async () => {
    const cacheDir = temporary.join('again')
    serve()
    const first = await pull(id, { cacheDir })
    hub.current.seen.length = 0
    expect(await pull(id, { cacheDir })).toEqual({ ...first, downloadedBytes: 0 })
    expect(hub.current.seen.map(({ path }) => path)).toEqual(['/api/models/org/name/revision/main'])
  })

  it('needs nobody for a commit, nor with HF_HUB_OFFLINE', async () => {
    const cacheDir = temporary.join('offline')
    serve()
    const { path } = await pull(id, { cacheDir })
    hub.current.seen.length = 0
    expect((await pull(id, { cacheDir, revision: commit })).path).toBe(path)
    process.env.HF_HUB_OFFLINE = '1'
    expect((await pull(id, { cacheDir })).path).toBe(path)
    const error = await expectCode(() => pull('org/other', { cacheDir }), 'hub_offline')
    expect(error.message).toMatch(
      /org\/other.*HF_HUB_OFFLINE is set; unset it, or run "quern pull org\/other"/,
    )
    await expectCode(() => pull(id, { cacheDir, revision: 'v1' }), 'hub_offline')
    expect(hub.current.seen).toEqual([])
  })

  it('filled by Python is used as it is', async () => {
    const cacheDir = temporary.join('python')
    const { files } = noisyRepo(1000)
    const root = `${cacheDir}/models--org--name`
    await mkdir(`${root}/blobs`, { recursive: true })
    await mkdir(`${root}/refs`)
    await mkdir(`${root}/snapshots/${commit}`, { recursive: true })
    await mkdir(`${root}/.no_exist/${commit}`, { recursive: true })
    await mkdir(`${root}/trees`)
    await writeFile(`${root}/.no_exist/${commit}/chat_template.jinja`, '')
    await writeFile(`${root}/refs/main`, commit)
    for (const name of ['config.json', 'model.safetensors', 'README.md']) {
      const data = files[name] as Buffer
      const hash = name === 'model.safetensors' ? sha256(data) : gitHash(data)
      await writeFile(`${root}/blobs/${hash}`, data)
      await symlink(`../../blobs/${hash}`, `${root}/snapshots/${commit}/${name}`)
    }
    process.env.HF_HUB_OFFLINE = 'true'
    expect(await pull(id, { cacheDir })).toMatchObject({
      path: `${root}/snapshots/${commit}`,
      bytes: 1000 + (files['config.json'] as Buffer).length,
    })
    expect(hub.current.seen).toEqual([])
    // A link whose blob is gone is no file.
    await rm(`${root}/blobs/${sha256(files['model.safetensors'] as Buffer)}`)
    await expectCode(() => pull(id, { cacheDir }), 'hub_offline')
  })

  it('stands for the old commit until the new one is complete', async () => {
    const cacheDir = temporary.join('moved')
    const repo = serve()
    const first = await pull(id, { cacheDir })
    const next = noisyRepo(1_000_000)
    hub.current.repos.set(id, {
      commit: commit.replace('c0ffee', 'decade'),
      files: { ...repo.files, ...next.files },
    })
    hub.current.faults = [
      (request, response) => request.server === 'cdn' && Boolean(response.writeHead(500).end()),
    ]
    const warnings: string[] = []
    const stale = await quickPull(id, { cacheDir, onWarning: (text) => warnings.push(text) })
    expect(stale).toEqual({ ...first, bytes: undefined, downloadedBytes: 0 })
    expect(warnings).toEqual([
      expect.stringMatching(/answered 500.*The cached copy of org\/name is used, commit c0ffee/),
    ])
    hub.current.faults = []
    const second = await pull(id, { cacheDir })
    expect(second.revision).not.toBe(commit)
    // The small files are the same ones.
    expect(second.downloadedBytes).toBe(1_000_000)
    expect(await readFile(`${cacheDir}/models--org--name/refs/main`, 'utf8')).toBe(second.revision)
  })

  it('is repaired where a file has the wrong size', async () => {
    const cacheDir = temporary.join('repair')
    const repo = serve()
    const { path } = await pull(id, { cacheDir })
    await writeFile(`${path}/model.safetensors`, 'cut')
    await pull(id, { cacheDir })
    expect(
      (await readFile(`${path}/model.safetensors`)).equals(repo.files['model.safetensors'] as Buffer),
    ).toBe(true)
  })

  it('keeps revisions apart', async () => {
    const cacheDir = temporary.join('revisions')
    serve()
    await pull(id, { cacheDir, revision: 'refs/pr/1' })
    expect(await readFile(`${cacheDir}/models--org--name/refs/refs/pr/1`, 'utf8')).toBe(commit)
    const error = await expectCode(() => pull(id, { cacheDir, revision: 'v9' }), 'hub_not_found')
    expect(error.message).toMatch(/no such revision/)
    for (const revision of ['../../x', '/etc', 'a//b', '.', 'a/..', 'a..b', 'x\0', '', '-x/.y', 'a\\b'])
      await expectCode(() => pull(id, { cacheDir, revision }), 'invalid_option')
  })
})

describe('files', () => {
  it('of an index are fetched with it', async () => {
    const { files } = serve(300_000)
    const weights = files['model.safetensors'] as Buffer
    delete files['model.safetensors']
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const
    files[shards[0]] = weights.subarray(0, 100_000)
    files[shards[1]] = weights.subarray(100_000)
    files['model.safetensors.index.json'] = Buffer.from(
      JSON.stringify({ weight_map: { a: shards[0], b: shards[1], c: shards[0] } }),
    )
    files['model-00003-of-00002.safetensors'] = Buffer.from('nobody speaks of it')
    const cacheDir = temporary.join('shards')
    const { path } = await pull(id, { cacheDir })
    expect(treeOf(path)).toEqual([
      'config.json',
      'generation_config.json',
      ...shards,
      'model.safetensors.index.json',
      'tokenizer_config.json',
    ])
    process.env.HF_HUB_OFFLINE = '1'
    expect((await pull(id, { cacheDir })).files).toHaveLength(6)
    await rm(`${path}/${shards[1]}`)
    await expectCode(() => pull(id, { cacheDir }), 'hub_offline')
  })

  it('are asked for one by one where the list does not describe them', async () => {
    const cacheDir = temporary.join('bare')
    const { files } = serve()
    hub.current.bareListing = true
    const { path } = await pull(id, { cacheDir })
    expect(
      hub.current.seen.filter(({ method, server }) => method === 'HEAD' && server === 'hub'),
    ).toHaveLength(4)
    expect(await readlink(`${path}/model.safetensors`)).toBe(
      `../../blobs/${sha256(files['model.safetensors'] as Buffer)}`,
    )
  })

  it('of other formats are named', async () => {
    const { files } = serve()
    delete files['model.safetensors']
    const error = await expectCode(() => pull(id, { cacheDir: temporary.join('none') }), 'unsupported_format')
    expect(error.message).toMatch(/neither model\.safetensors nor .*"pytorch_model\.bin" is in a format/)
    expect(hub.current.sent).toBe(0)
  })

  it('of a model that cannot be run are not fetched beyond config.json and its like', async () => {
    const { files } = serve()
    files['config.json'] = Buffer.from('{"model_type": "bert"}')
    await expectCode(() => pull(id, { cacheDir: temporary.join('bert') }), 'unsupported_model')
    expect(hub.current.gets('model.safetensors')).toEqual([])
  })

  it('are refused when the disk has no room for them', async () => {
    serve()
    const freeBytes = async () => 500_000
    const error = await expectCode(
      () => quickPull(id, { cacheDir: temporary.join('full') }, { freeBytes }),
      'disk_full',
    )
    expect(error.message).toMatch(/10\d{5} bytes are to be downloaded, the disk has room for 500000/)
    expect(hub.current.sent).toBe(0)
  })

  it('cannot be put into a folder that is not writable', async () => {
    serve()
    await writeFile(temporary.join('file'), '')
    await expectCode(() => pull(id, { cacheDir: temporary.join('file') }), 'write_error')
  })
})

describe('progress', () => {
  it('rises to the total, file by file', async () => {
    serve(2_000_000)
    hub.current.delayMs = 2
    const seen: PullProgress[] = []
    const { bytes } = await quickPull(id, {
      cacheDir: temporary.join('progress'),
      onProgress: (one) => seen.push(one),
    }).then(async ({ path }) => ({ bytes: (await stat(`${path}/model.safetensors`)).size }))
    const loaded = seen.map(({ loadedBytes }) => loadedBytes)
    expect(loaded).toEqual([...loaded].sort((a, b) => a - b))
    const last = seen.at(-1) as PullProgress
    expect(last.loadedBytes).toBe(last.totalBytes)
    expect(last.files).toContainEqual({ name: 'model.safetensors', bytes, loadedBytes: bytes })
    expect(new Set(seen.map(({ totalBytes }) => totalBytes)).size).toBe(1)
  })

  it("stops the download with the callback's own error", async () => {
    serve()
    const wrong = new Error('callback')
    const onProgress = () => {
      throw wrong
    }
    await expect(pull(id, { cacheDir: temporary.join('throws'), onProgress })).rejects.toBe(wrong)
  })
})

describe('what pull is given', () => {
  it.each([
    'name',
    'a/b/c',
    '../x',
    'org/..',
    'org/-x',
    'org/x.git',
    'a--b/c',
    '',
    'org/',
    'org/na me',
    7,
    null,
  ])('refuses the id %j', async (name) => {
    await expectCode(() => pull(name as string), 'invalid_input')
    expect(hub.current.seen).toEqual([])
  })

  it.each([
    ['revision', 5],
    ['cacheDir', ''],
    ['cacheDir', null],
    ['onProgress', 'x'],
    ['onWarning', 1],
    ['signal', {}],
  ])('refuses %s: %j', async (name, value) => {
    await expectCode(() => pull(id, { [name]: value }), 'invalid_option')
  })

  it('refuses what it does not know', async () => {
    await expectCode(() => pull(id, { token: 'x' } as never), 'unsupported_option')
  })
})
