import { mkdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { readEnvironment } from '../../lib/hub/environment.js'
import { isRepoId } from '../../lib/hub/repo.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'

const temporary = temporaryFolder()

describe('the environment', () => {
  it.each([
    [{}, `${homedir()}/.cache/huggingface/hub`],
    [{ XDG_CACHE_HOME: '/x' }, '/x/huggingface/hub'],
    [{ HF_HOME: '/h', XDG_CACHE_HOME: '/x' }, '/h/hub'],
    [{ HF_HOME: '~/models' }, `${homedir()}/models/hub`],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not ours.
    [{ HF_HOME: '$BASE/a/${BASE}', BASE: '/b' }, '/b/a/b/hub'],
    [{ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old' }, '/old'],
    [{ HF_HUB_CACHE: '/new', HUGGINGFACE_HUB_CACHE: '/old' }, '/new'],
    [{ HF_HUB_CACHE: '', HF_HOME: '' }, `${homedir()}/.cache/huggingface/hub`],
  ])('%j: the cache is %s', (variables, expected) => {
    expect(readEnvironment(variables).cacheDir).toBe(expected)
  })

  it('takes the token from a variable, or else from the file that logging in writes', async () => {
    const home = temporary.join('home')
    await mkdir(home)
    expect(readEnvironment({ HF_HOME: home }).token).toBeUndefined()
    await writeFile(`${home}/token`, 'hf_file\n')
    expect(readEnvironment({ HF_HOME: home }).token).toBe('hf_file')
    expect(readEnvironment({ HF_HOME: '/none', HF_TOKEN_PATH: `${home}/token` }).token).toBe('hf_file')
    expect(readEnvironment({ HF_HOME: home, HUGGING_FACE_HUB_TOKEN: 'hf_old' }).token).toBe('hf_old')
    expect(
      readEnvironment({ HF_HOME: home, HUGGING_FACE_HUB_TOKEN: 'hf_old', HF_TOKEN: 'hf_new' }).token,
    ).toBe('hf_new')
    expect(readEnvironment({ HF_TOKEN: 'hf_new', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }).token).toBeUndefined()
  })

  it('knows when to be offline, and which hub to ask', async () => {
    for (const value of ['1', 'true', 'YES', 'on'])
      expect(readEnvironment({ HF_HUB_OFFLINE: value }).offline).toBe(true)
    for (const value of ['0', '', 'no'])
      expect(readEnvironment({ HF_HUB_OFFLINE: value }).offline).toBe(false)
    expect(readEnvironment({ TRANSFORMERS_OFFLINE: '1' }).offline).toBe(true)
    expect(readEnvironment({}).endpoint).toBe('https://huggingface.co')
    expect(readEnvironment({ HF_ENDPOINT: 'https://mirror.example/hf/' }).endpoint).toBe(
      'https://mirror.example/hf',
    )
    for (const wrong of ['mirror', 'ftp://x', 'https://user:secret@x', 'https://x?y', 'https://x#y']) {
      const error = await expectCode(() => readEnvironment({ HF_ENDPOINT: wrong }), 'invalid_option')
      expect(error.message).not.toContain('secret')
    }
  })
})

describe('the id of a model', () => {
  it.each(['Qwen/Qwen3-0.6B', 'meta-llama/Llama-3.2-1B', 'a/b', 'HuggingFaceTB/SmolLM2-135M', '_a/b_'])(
    'may be %s',
    (id) => {
      expect(isRepoId(id)).toBe(true)
    },
  )

  it.each([
    'gpt2',
    'a/b/c',
    './a',
    '/a/b',
    '~/models',
    'a/.b',
    'a/b.',
    'a/b--c',
    'a/b..c',
    'a/b.git',
    'a/b c',
    'a\\b',
    'ä/b',
    'a/',
    '/',
    `a/${'b'.repeat(97)}`,
  ])('is not %s', (id) => {
    expect(isRepoId(id)).toBe(false)
  })
})
