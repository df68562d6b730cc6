import { expect, it } from 'vitest'
import { computeLogits } from '../../lib/model/logits.js'
import type { ModelParts } from '../../lib/model/model-info.js'
import type { NativeRow } from '../../lib/native/binding.js'

it('logits that fail say with which code', async () => {
  const row = {
    request: 1,
    finish: 'failed',
    errorCode: 'out_of_memory',
    errorMessage: 'no memory',
  } as NativeRow
  const parts = {
    plan: { config: { vocab: 4 } },
    handle: { submit: () => 1 },
    requests: { add: (_: number, sink: (row: NativeRow) => void) => sink(row) },
  } as unknown as ModelParts
  await expect(computeLogits([1], {}, parts)).rejects.toMatchObject({
    code: 'out_of_memory',
    message: 'no memory',
  })
})
