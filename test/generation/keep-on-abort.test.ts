import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { load, type Model } from '../../lib/index.js'

let model: Model
beforeAll(async () => {
  model = await load()
})
afterAll(() => model.close())

const endless = { temperature: 0, ignoreEos: true, keepOnAbort: true }

describe('keepOnAbort', () => {
  it('keeps what was said until the signal was aborted', async () => {
    const controller = new AbortController()
    const generation = model.generate('Once upon a time', { ...endless, signal: controller.signal })
    let text = ''
    for await (const piece of generation) {
      text += piece
      if (text.length > 20) controller.abort()
    }
    const result = await generation.result()
    expect(result.finishReason).toBe('cancelled')
    expect(result.text).toBe(text)
    expect(result.usage.completionTokens).toBe(result.tokens.length)
  })

  it('is an empty reply where the signal was aborted before', async () => {
    const result = await model.generate('Once', { ...endless, signal: AbortSignal.abort() }).result()
    expect(result).toMatchObject({ finishReason: 'cancelled', text: '' })
  })

  it('keeps the reply in a session', async () => {
    const session = model.session()
    const controller = new AbortController()
    const reply = session.chat('Tell me a story.', { ...endless, signal: controller.signal })
    for await (const _ of reply) controller.abort()
    const { text } = await reply.result()
    expect(text).not.toBe('')
    expect(session.messages.at(-1)).toEqual({ role: 'assistant', content: text })
  })

  it('is off unless asked for', async () => {
    const { keepOnAbort: _, ...options } = endless
    const generation = model.generate('Once', { ...options, signal: AbortSignal.abort('enough') })
    await expect(generation.text()).rejects.toBe('enough')
  })
})
