import { cp, readFile, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { planText } from '../../lib/checkpoint/plan-text.js'
import { QuernError } from '../../lib/errors.js'
import { inspect } from '../../lib/model/inspect.js'
import { fixturePath } from '../golden.js'
import { temporaryFolder } from '../model/temporary.js'
import { expectLittleWork } from '../promptly.js'

const temporary = temporaryFolder()

const change = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  remove: fc.nat(20),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.constantFrom(
      '',
      '0',
      '-',
      '9'.repeat(18),
      '1e300',
      'null',
      'true',
      '[]',
      '{}',
      '"',
      ',',
      '..',
      '/',
      '"a":1,',
    ),
  ),
})

it.each([
  ['ok', 'config.json'],
  ['sharded-ok', 'model.safetensors.index.json'],
  ['sharded-ok', 'config.json'],
])('a damaged %s/%s gives a sound plan or a QuernError', async (model, name) => {
  const folder = temporary.join(`${model}-${name}`)
  await cp(fixturePath('models', 'bad', 'models', model), folder, { recursive: true })
  const original = await readFile(`${folder}/${name}`)
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      let bytes = original
      for (const { at, remove, insert } of changes) {
        const start = Math.floor(at * bytes.byteLength)
        bytes = Buffer.concat([
          bytes.subarray(0, start),
          Buffer.from(insert as string),
          bytes.subarray(start + remove),
        ])
      }
      await writeFile(`${folder}/${name}`, bytes)
      await expectLittleWork(2000, async () => {
        try {
          const { plan, config } = await inspect(folder)
          expect(plan && planText(plan).replaceAll(folder, '')).not.toMatch(
            /NaN|Infinity|undefined|null|object/,
          )
          // What the tensors' shapes decide cannot have changed unnoticed.
          expect(config).toMatchObject({ hidden: 16, vocab: 32 })
          expect(config?.layers[0]).toMatchObject({ mixer: { headDim: 8 }, ffn: { width: 24 } })
          for (const { source, rows, cols } of plan?.weights ?? []) {
            if (!('file' in source)) throw new Error('a weight from nowhere')
            const { file, offset } = source
            expect(offset + rows * cols * 2).toBeLessThanOrEqual(plan?.files[file]?.bytes ?? 0)
          }
        } catch (error) {
          if (!(error instanceof QuernError)) throw error
        }
      })
    }),
    { numRuns: 400 },
  )
})
