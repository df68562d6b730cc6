import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { QuernError } from '../../lib/errors.js'
import { inspect } from '../../lib/model/inspect.js'
import { fixturePath, goldenPath, requireGoldens } from '../golden.js'
import { expectLittleWork } from '../promptly.js'

interface Entry {
  path: string
  error: string | null
  what: string
  lenient?: boolean
}

/** Where two kinds describe the same damage, or the whole family is refused before a look at its tensors. */
const alsoFits: Record<string, string> = {
  'safetensors/offsets-past-end.safetensors': 'truncated',
  'models/wrong-architecture': 'unsupported_model',
  'models/config-model-type-unknown': 'unsupported_model',
  'models/config-quantization-unknown': 'unsupported_model',
  'models/fp8-without-scales': 'unsupported_model',
  'models/fp8-scale-shape': 'unsupported_model',
}

/** As transformers has it: an index names the files, their headers say which tensors they hold. */
const isNoDamage = new Set(['models/sharded-wrong-part'])

requireGoldens()
for (const root of [fixturePath('models', 'bad'), goldenPath('models', 'bad')]) {
  describe.skipIf(!existsSync(root))(
    `malformed files in ${root.includes('fixtures') ? 'test/fixtures' : 'the goldens'}`,
    () => {
      const entries: Entry[] = existsSync(root)
        ? JSON.parse(readFileSync(`${root}/index.json`, 'utf8')).entries
        : []
      it.each(entries.filter(({ path }) => !path.startsWith('gguf/')))(
        '$path: $what',
        async ({ path, error, lenient }) => {
          let came: unknown
          await expectLittleWork(1000, async () => {
            came = await inspect(`${root}/${path}`).then(
              () => null,
              (error: unknown) => error,
            )
          })
          if (came === null && lenient) return
          if (error === null || isNoDamage.has(path)) return expect(came).toBeNull()
          expect(came).toBeInstanceOf(QuernError)
          expect([error, alsoFits[path]]).toContain((came as QuernError).code)
          expect((came as QuernError).message).toContain(path)
        },
      )
    },
  )
}
