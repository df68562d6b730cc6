// SmolLM2-135M-Instruct, made into a Hugging Face folder of the type that a test wants.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { goldenPath, readJson } from '../golden.js'
import type { Tolerance } from '../numbers.js'

export type Dtype = 'f32' | 'bf16'

export interface Expected {
  tolerance: Tolerance & { nll_atol: number }
  conversations: ({ id: string; rendered: string; ids: number[] } & Record<
    Dtype,
    { greedy: number[]; stopped: boolean; text: string; top10: [number, number][] }
  >)[]
  texts: ({ id: string; text: string; ids: number[] } & Record<
    Dtype,
    { mean_nll: number; first_nlls: number[] }
  >)[]
}

const source = goldenPath('..', 'models', 'smollm2-135m-instruct')
const buildFolder = fileURLToPath(new URL('../../build/test-models', import.meta.url))
/** Why the model cannot be made here. */
export function whatSmolLm2Lacks(): string | undefined {
  if (!existsSync(source)) return `${source} is absent`
  const numpy = spawnSync('python3', ['-c', 'import numpy'])
  return numpy.status === 0 ? undefined : 'python3 with numpy is absent'
}

/** What transformers says of it. */
export function expectedOfSmolLm2(): Expected {
  return readJson<Expected>(`${source}/expected.json`)
}

/**
 * The model as a Hugging Face folder. It takes seconds to make, so it stays in build/ until what it is made of changes; it appears there
 * in one step.
 */
export function smolLm2(dtype: Dtype): string {
  const key = createHash('sha256').update(readFileSync(`${source}/to_hf.py`))
  for (const name of readdirSync(source).sort()) {
    const { size, mtimeMs } = statSync(`${source}/${name}`)
    key.update(`${name} ${size} ${mtimeMs}\n`)
  }
  const folder = join(buildFolder, `smollm2-${dtype}-${key.digest('hex').slice(0, 16)}`)
  if (existsSync(folder)) return folder
  mkdirSync(buildFolder, { recursive: true })
  const temporary = mkdtempSync(`${folder}-`)
  const made = spawnSync('python3', [`${source}/to_hf.py`, join(temporary, 'hf'), '--dtype', dtype], {
    encoding: 'utf8',
  })
  expect(made.status, made.stderr).toBe(0)
  renameSync(join(temporary, 'hf'), folder)
  rmSync(temporary, { recursive: true })
  return folder
}
