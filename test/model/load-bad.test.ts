// Malformed models through load(): the same errors as inspect() gives, and nothing left behind.
import { existsSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inspect, load, QuernError } from '../../lib/index.js'
import { fixturePath, goldenPath, readJson, requireGoldens } from '../golden.js'
import { expectLevelMemory } from '../level-memory.js'
import { expectLittleWork } from '../promptly.js'
import { temporaryFolder } from './temporary.js'

interface Entry {
  path: string
  error: string | null
  what: string
  lenient?: boolean
}

/** As transformers has it: an index names the files, their headers say which tensors they hold. */
const isNoDamage = new Set(['models/sharded-wrong-part'])

const folder = temporaryFolder()

const outcome = (attempt: Promise<unknown>) =>
  attempt.then(
    () => undefined,
    (error: unknown) => error,
  )

requireGoldens()
for (const root of [fixturePath('models', 'bad'), goldenPath('models', 'bad')]) {
  const origin = root.includes('fixtures') ? 'test/fixtures' : 'the goldens'
  const entries = existsSync(root) ? readJson<{ entries: Entry[] }>(join(root, 'index.json')).entries : []
  const models = entries.filter(({ path }) => path.startsWith('models/'))
  const files = entries.filter(({ path }) => path.startsWith('safetensors/'))

  /** A file becomes the weights of a folder with a good config.json. */
  async function asFolder(path: string): Promise<string> {
    const made = folder.join(origin.replace('/', '-'), path)
    await mkdir(made, { recursive: true })
    await copyFile(join(root, 'models/ok/config.json'), join(made, 'config.json'))
    await copyFile(join(root, path), join(made, 'model.safetensors'))
    return made
  }

  describe.skipIf(entries.length === 0)(`of ${origin}`, () => {
    it.each(models)('$path: $what', async ({ path, error, lenient }) => {
      if (
        error === null ||
        isNoDamage.has(path) ||
        (lenient && (await outcome(inspect(join(root, path)))) === undefined)
      ) {
        const model = await load(join(root, path))
        const { tokens } = await model
          .generate({ tokens: [1, 2] }, { maxTokens: 5, ignoreEos: true })
          .result()
        expect(tokens.length).toBe(5)
        return model.close()
      }
      await expectLittleWork(1000, async () => {
        const came = await outcome(load(join(root, path)))
        expect(came).toBeInstanceOf(QuernError)
        const inspected = (await outcome(inspect(join(root, path)))) as QuernError
        expect(came).toMatchObject({ code: inspected.code, message: inspected.message })
      })
    })

    it.each(files)('$path as the weights of a model: $what', async ({ path, error, lenient }) => {
      const came = await outcome(load(await asFolder(path)))
      expect(came).toBeInstanceOf(QuernError) // the good ones hold other tensors
      const inspected = await outcome(inspect(join(root, path)))
      const { code, message } = came as QuernError
      if (error === null || (lenient && inspected === undefined)) {
        expect(['missing_tensor', 'wrong_shape'], message).toContain(code)
      } else {
        expect(code, message).toBe((inspected as QuernError).code)
        expect(message).toContain('model.safetensors')
      }
      expect(await outcome(load(join(root, path)))).toMatchObject({ code: 'unsupported_format' })
    })

    it('leaves nothing behind', async () => {
      const round = async () => {
        for (const { path, error } of models)
          if (error !== null && !isNoDamage.has(path)) await outcome(load(join(root, path)))
      }
      const rounds = async (count: number) => {
        for (let i = 0; i < count; i++) await round()
      }
      await rounds(5)
      await expectLevelMemory(20, () => rounds(15), 'of 15 rounds')
    })
  })
}
