import { expect, test } from 'vitest'
import {
  packTensors,
  type RawTensor,
  rotateRows,
  tinyCheckpoint,
  writeModel,
} from '../model/edit-checkpoint.js'
import { temporaryFolder } from '../model/temporary.js'
import { quern } from './quern.js'

const folder = temporaryFolder()

test('what load() warns of looks the same in every command', async () => {
  const { tensors, config } = tinyCheckpoint()
  const embed = tensors.get('model.embed_tokens.weight') as RawTensor
  const path = writeModel(folder.join('odd'), config, {
    'model.safetensors': packTensors([...tensors, ['lm_head.weight', rotateRows(embed)]]),
  })
  const warned = /^warning: .*tie_word_embeddings: true, .*$/
  const first = ({ err }: { err: string }) => err.split('\n')[0]
  expect(first(await quern('generate', '--model', path, 'Once'))).toMatch(warned)
  expect(first(await quern('chat', '--model', path, 'Hi'))).toMatch(warned)
  const bench = await quern('bench', '--model', path, '--prompt', '4', '--generate', '2', '--runs', '1')
  expect(first(bench)).toMatch(warned)
})
