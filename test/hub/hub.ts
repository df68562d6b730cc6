import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { fetchModel, type PullOptions } from '../../lib/checkpoint/pull.js'
import type { HubLimits } from '../../lib/hub/limits.js'
import { commit, FakeHub } from './fake-hub.js'

/** A fake hub for the tests of a file, forgotten between them; call it at the top level. */
export function fakeHub(): { readonly current: FakeHub } {
  let hub: FakeHub | undefined
  const state = {
    get current() {
      if (hub === undefined) throw new Error('the hub is there within tests only')
      return hub
    },
  }
  beforeAll(async () => {
    hub = await FakeHub.start()
  })
  afterAll(() => hub?.close())
  beforeEach(() => {
    state.current.reset()
    for (const name of Object.keys(process.env))
      if (/^(HF_|HUGGING|TRANSFORMERS_)/.test(name)) delete process.env[name]
    process.env.HF_ENDPOINT = state.current.endpoint
    // Whoever runs the tests may be logged in.
    process.env.HF_HOME = '/nonexistent/quern-test'
  })
  return state
}

/** Limits that make trouble pass quickly, and cut even small files into parts. */
export const quick: Partial<HubLimits> = {
  attempts: 4,
  backoffMs: 1,
  stallMs: 2000,
  segmentBytes: 256 * 1024,
  writeBytes: 32 * 1024,
  heartbeatMs: 50,
}

/** pull() with quick limits. */
export function quickPull(id: string, options: PullOptions, limits: Partial<HubLimits> = {}) {
  return fetchModel(id, { onWarning: () => {}, ...options }, { ...quick, ...limits })
}

/** A repository with the bundled model's small files, weights of the given size that are noise, and files that nobody needs. */
export function noisyRepo(weightBytes: number): { commit: string; files: Record<string, Buffer> } {
  const small = ['config.json', 'generation_config.json', 'tokenizer_config.json']
  const files = Object.fromEntries(small.map((name) => [name, readFileSync(join(bundledModelPath(), name))]))
  const others = [
    'README.md',
    'pytorch_model.bin',
    'model.Q4_K_M.gguf',
    'onnx/model.onnx',
    'original/consolidated.00.pth',
  ]
  for (const name of others) files[name] = Buffer.from('not needed')
  files['model.safetensors'] = randomBytes(weightBytes)
  return { commit, files }
}

/** All files and folders below a folder, by their paths in it. */
export function treeOf(folder: string): string[] {
  try {
    return (readdirSync(folder, { recursive: true }) as string[]).sort()
  } catch {
    return []
  }
}
