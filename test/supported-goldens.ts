import { fileURLToPath } from 'node:url'
import { readJson } from './golden.js'

/** A checkpoint of the golden folder that is loaded. docs/models.md is written from this list, test/model/golden.test.ts checks what it says. */
export interface SupportedGolden {
  name: string
  /** `model_type` of its config.json. */
  family: string
  /** What it has that others have not. */
  about: string
  /** Whose numbers they are, with the version. */
  judge: string
  /** Whose logits are compared. */
  prompts: number
  /** Of these, those whose next 48 tokens are compared too. */
  greedy: number
  /** The family of which test/model/nested.test.ts makes it a part. */
  nestedIn?: string
}

const list = fileURLToPath(new URL('supported-goldens.json', import.meta.url))

export const supportedGoldens = readJson<SupportedGolden[]>(list)

/** All checkpoints of the golden folder that are loaded; all others are refused. */
export const supportedGoldenNames = supportedGoldens.map(({ name }) => name)
