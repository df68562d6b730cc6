// What the name of a model means, and what is said of one that means nothing.
import { spawnSync } from 'node:child_process'
import { cpSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { resolveSource } from '../../lib/checkpoint/source.js'
import { inspect, load } from '../../lib/index.js'
import { packageFolder } from '../../lib/package.js'
import { fixturePath } from '../golden.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'

const temporary = temporaryFolder()

describe('what is no name', () => {
  it.each([[{ contextLength: 512 }], [{ model: 'org/name' }]])('%j may be options', async (given) => {
    const { message } = await expectCode(() => load(given as never), 'invalid_input')
    expect(message).toMatch(/options are the second argument$/)
  })

  it.each([[null], [5], ['']])('%j is no options either', async (given) => {
    const { message } = await expectCode(() => load(given as never), 'invalid_input')
    expect(message).toMatch(/got (null|5|"")$/)
  })
})

describe('a name that is nothing', () => {
  it.each<[string, RegExp]>([
    ['./models/absent', /no such file or folder in .*from where relative paths count$/],
    ['../absent', /from where relative paths count$/],
    ['a/b/c', /from where relative paths count$/],
    ['/absent/model', /no such file or folder$/],
    ['qwen3', /organisation, org\/name, such as Qwen\/Qwen3-0\.6B/],
    ['Llama-3.2-1B', /organisation, org\/name/],
    ['qwen3:4b', /Ollama.*org\/name, such as/],
    ['llama3.2:latest', /Ollama/],
    ['hf.co/org/name:Q4_K_M', /pass "org\/name"/],
    ['someone/model:7b', /Ollama/],
    ['huggingface.co/Qwen/Qwen3-0.6B', /pass "Qwen\/Qwen3-0\.6B"/],
    ['hf://Qwen/Qwen3-0.6B', /pass "Qwen\/Qwen3-0\.6B"/],
    ['hf:Qwen/Qwen3-0.6B', /pass "Qwen\/Qwen3-0\.6B"/],
    ['hf:org/name:Q4_K_M', /pass "org\/name"/],
    ['file:///absent/a%20model', /no such file or folder at "\/absent\/a model"$/],
    ['FILE:///absent/model', /no such file or folder at "\/absent\/model"$/],
    ['Qwen/Qwen3-0.6B@main', /pass "Qwen\/Qwen3-0\.6B" and the option revision/],
    ['https://example.com/model.safetensors', /not loaded from addresses.*HF_ENDPOINT/],
    ['s3://bucket/model', /not loaded from addresses/],
    ['~/models/absent', /shell/],
  ])('%s is missing_file', async (source, hint) => {
    for (const call of [load, inspect]) {
      const { message, value } = await expectCode(() => call(source), 'missing_file')
      expect(message).toMatch(hint)
      expect(message).toContain(JSON.stringify(source))
      expect(value).toBe(source)
    }
  })

  it('of a home folder is told with the folder', async () => {
    const { message } = await expectCode(() => load('~/absent'), 'missing_file')
    expect(message).toContain(JSON.stringify(join(homedir(), 'absent')))
  })
})

describe('file: URLs', () => {
  const folder = fixturePath('models', 'qwen3-tied')
  const url = pathToFileURL(folder)

  it('are paths, as text or as URL', async () => {
    for (const source of [url, url.href, `${url.href}/`]) {
      const model = await load(source)
      expect(model.info.source).toBe(folder)
      await model.close()
      expect((await inspect(source)).path).toBe(folder)
    }
    const { kind, path } = await inspect(`${url.href}/model.safetensors`)
    expect({ kind, path }).toEqual({ kind: 'safetensors', path: `${folder}/model.safetensors` })
  })

  it('may hold what must be escaped', async () => {
    const path = temporary.join('a b#c%é')
    symlinkSync(folder, path)
    const model = await load(pathToFileURL(path))
    await model.close()
  })

  it.each([
    ['file:///absent/model', 'missing_file'],
    ['file://host/model', 'invalid_input'],
    ['file:///a%2fb', 'invalid_input'],
    ['file:///%zz', 'invalid_input'],
  ] as const)('%s is %s', async (source, code) => {
    await expectCode(() => load(source), code)
    await expectCode(() => load(new URL(source)), code)
  })
})

describe('the address of a page of the hub', () => {
  afterEach(() => {
    delete process.env.HF_ENDPOINT
  })

  it.each([
    ['https://huggingface.co/Qwen/Qwen3-0.6B', undefined],
    ['https://huggingface.co/Qwen/Qwen3-0.6B/', undefined],
    ['http://www.huggingface.co/Qwen/Qwen3-0.6B?library=transformers#files', undefined],
    ['https://hf.co/Qwen/Qwen3-0.6B', undefined],
    ['https://huggingface.co/Qwen/Qwen3-0.6B/tree/main', 'main'],
    ['https://huggingface.co/Qwen/Qwen3-0.6B/tree/refs%2Fpr%2F1', 'refs/pr/1'],
    ['https://huggingface.co/Qwen/Qwen3-0.6B/blob/v1/config.json', 'v1'],
    ['https://huggingface.co/Qwen/Qwen3-0.6B/resolve/v1/model.safetensors', 'v1'],
    ['https://huggingface.co/Qwen/Qwen3-0.6B/discussions/3', undefined],
  ])('%s', async (source, revision) => {
    expect(await resolveSource(source)).toEqual({ kind: 'hub', id: 'Qwen/Qwen3-0.6B', revision })
    expect(await resolveSource(new URL(source))).toEqual({ kind: 'hub', id: 'Qwen/Qwen3-0.6B', revision })
  })

  it('may be of a mirror that HF_ENDPOINT names', async () => {
    process.env.HF_ENDPOINT = 'https://mirror.example/'
    expect(await resolveSource('https://mirror.example/org/name')).toMatchObject({
      kind: 'hub',
      id: 'org/name',
    })
  })

  it.each([
    'https://huggingface.co',
    'https://huggingface.co/Qwen',
    'https://huggingface.co/datasets/org/name',
    'https://huggingface.co/spaces/org/name',
  ])('%s is about no model', async (source) => void (await expectCode(() => load(source), 'invalid_input')))

  it('must not contradict the option', async () => {
    const source = 'https://huggingface.co/org/name/tree/v1'
    await expectCode(() => load(source, { revision: 'v2' }), 'invalid_option')
    await expectCode(() => inspect(source, { revision: 'v2' }), 'invalid_option')
  })
})

describe('a bundled program', () => {
  /** What a program rejects with that holds quern's code but not its package, as bundlers make it. */
  function failureOf(name: string, call: string): { code: string; message: string } {
    const folder = temporary.join(name)
    cpSync(join(packageFolder, 'dist'), join(folder, 'out'), { recursive: true })
    symlinkSync(join(packageFolder, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{"name": "app", "version": "1.0.0"}')
    const program = `require('./out/index.js').${call}.catch(({ code, message }) => console.log(JSON.stringify({ code, message })))`
    const { stdout } = spawnSync(process.execPath, ['-e', program], { cwd: folder, encoding: 'utf8' })
    return JSON.parse(stdout)
  }

  it.each([
    ['load()', 'missing_file'],
    ['inspect()', 'missing_file'],
    ['doctor()', 'native_binding'],
  ])('is told by %s to keep quern external', (call, code) => {
    const failure = failureOf(code + call.length, call)
    expect(failure.code).toBe(code)
    expect(failure.message).toMatch(/bundle.*external.*docs\/bundlers\.md/)
  })
})
