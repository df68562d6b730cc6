// EleutherAI's lm-evaluation-harness over HTTP finds of SmolLM2 what its own backend found with transformers.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { load, type Model } from '../../lib/index.js'
import { type RunningServer, serve } from '../../lib/server/index.js'
import { readJson } from '../golden.js'
import { PythonPackage } from './python.js'

const lmEval = new PythonPackage('lm_eval', 'lm-eval/requirements.txt')
lmEval.require()

type Answer = [logprob: string | number, isGreedy: string | boolean]

interface Found {
  scores: Record<string, number>
  answers: unknown[][]
}

type Findings = Record<string, Found>

const own = readJson<{ plain: Findings; chat: Findings }>(
  fileURLToPath(new URL('lm-eval/found.json', import.meta.url)),
)
const smollm2 = fileURLToPath(new URL('../../../shared/models/smollm2-135m-instruct', import.meta.url))

describe.runIf(lmEval.isPresent && existsSync(smollm2))('the harness', () => {
  let folder: string
  let model: Model
  let server: RunningServer

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quern-lm-eval-'))
    const weights = join(folder, 'smollm2')
    await lmEval.run([join(smollm2, 'to_hf.py'), weights, '--dtype', 'f32'])
    model = await load(weights, { precision: 'exact' })
    server = await serve({ models: { smollm2: model }, port: 0 })
  })
  afterAll(async () => {
    await server.close()
    await model.close()
    await rm(folder, { recursive: true })
  })

  async function evaluate(kind: string, path: string, ...args: string[]): Promise<Findings> {
    const model = `model=smollm2,base_url=${server.url}/v1/${path},tokenizer=${join(folder, 'smollm2')}`
    const backend = `${model},tokenizer_backend=huggingface,max_retries=1`
    const cwd = fileURLToPath(new URL('lm-eval', import.meta.url))
    const env = { HF_HOME: join(folder, 'cache'), HF_HUB_OFFLINE: '1', OPENAI_API_KEY: 'none' }
    const printed = await lmEval.run(['evaluate.py', kind, backend, ...args], { cwd, env })
    return JSON.parse(printed.trimEnd().split('\n').at(-1) as string)
  }

  test('over completions: a task of choices, and one of texts', async () => {
    const found = await evaluate('local-completions', 'completions', 'quern_choices,quern_texts')
    expect(found.quern_texts).toEqual(own.plain.quern_texts)
    expect(found.quern_choices?.scores).toEqual(own.plain.quern_choices?.scores)
    const answers = found.quern_choices?.answers.flat(2) as Answer[]
    const expected = own.plain.quern_choices?.answers.flat(2) as Answer[]
    expect(answers).toHaveLength(80)
    for (const [i, [logprob, isGreedy]] of answers.entries()) {
      expect(Number(logprob)).toBeCloseTo(Number(expected[i]?.[0]), 3)
      expect(isGreedy).toBe(expected[i]?.[1])
    }
  })

  test('over chat: a task of texts', async () => {
    const found = await evaluate('local-chat-completions', 'chat/completions', 'quern_texts', '--chat')
    expect(found).toEqual(own.chat)
  })
})
