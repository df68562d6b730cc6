// What a generation's text begins with where the tokenizer puts a space before a text: prompt and text joined are the text of all tokens.
import { describe, expect, it } from 'vitest'
import { load } from '../../lib/index.js'
import { packTensors, tinyCheckpoint, writeModel } from '../model/edit-checkpoint.js'
import { temporaryFolder } from '../model/temporary.js'
import { sentencePieceJson, vocabulary } from '../tokenizer/sentencepiece-json.js'

const folder = temporaryFolder()

describe('the text of a generation', () => {
  it('keeps its space after a prompt, and loses it at the beginning of a text', async () => {
    const { tensors, config } = tinyCheckpoint()
    const path = writeModel(folder.join('model'), config, {
      'model.safetensors': packTensors(tensors),
      'tokenizer.json': sentencePieceJson(),
    })
    const model = await load(path)
    const only = (text: string) => ({
      maxTokens: 1,
      temperature: 0,
      logitBias: { [vocabulary[text] as number]: 100 },
    })
    const textOf = async (prompt: string | number[], token: string) => {
      const given = typeof prompt === 'string' ? prompt : { tokens: prompt }
      const generation = model.generate(given, only(token))
      let streamed = ''
      for await (const piece of generation) streamed += piece
      const { text } = await generation.result()
      expect(streamed).toBe(text)
      return text
    }
    expect(await textOf('ab', '▁c')).toBe(' c')
    expect(await textOf('ab', 'c')).toBe('c')
    expect(await textOf('', '▁c')).toBe('c') // <s> alone is no text
    expect(await textOf([1, 2], '▁c')).toBe('c')
    expect(await textOf([1, vocabulary['▁'] as number], '▁c')).toBe(' c')
    const { logprobs = [] } = await model.generate('ab', { ...only('▁c'), logprobs: true }).result()
    expect(logprobs.map(({ token }) => token)).toEqual([' c'])
    await model.close()
  })
})
