// What config.json says of each layer: windows, rotation, position encoding.
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../lib/checkpoint/config.js'
import { decoder, fields, minimal } from './read-decoder.js'

const windows = (value: unknown) => decoder(value).layers.map(({ mixer }) => mixer.window)

describe('layers', () => {
  it('ignores a window that is switched off, or that no sequence outgrows', () => {
    const qwen25 = {
      ...minimal,
      model_type: 'qwen2',
      sliding_window: 32,
      use_sliding_window: false,
      max_window_layers: 1,
    }
    expect(windows(qwen25)).toEqual([0, 0])
    expect(windows({ ...qwen25, use_sliding_window: true, sliding_window: 32768 })).toEqual([0, 0])
    expect(windows({ ...qwen25, use_sliding_window: true, max_window_layers: 2 })).toEqual([0, 0])
    expect(windows({ ...qwen25, model_type: 'llama' })).toEqual([0, 0])
  })

  it('reads the windows of each layer', () => {
    const windowed = { ...minimal, num_hidden_layers: 3, sliding_window: 64, use_sliding_window: true }
    const qwen = { ...windowed, model_type: 'qwen2' }
    expect(windows({ ...qwen, max_window_layers: 1 })).toEqual([0, 64, 64])
    const types = ['sliding_attention', 'full_attention', 'sliding_attention']
    expect(windows({ ...qwen, max_window_layers: 3, layer_types: types })).toEqual([64, 0, 64])
    expect(windows({ ...windowed, model_type: 'mistral', use_sliding_window: false })).toEqual([64, 64, 64])
    expect(windows({ ...windowed, model_type: 'mistral', sliding_window: null })).toEqual([0, 0, 0])
    expect(windows({ ...windowed, model_type: 'phi3' })).toEqual([64, 64, 64])
    expect(windows({ ...windowed, model_type: 'phi3', sliding_window: 262144 })).toEqual([0, 0, 0])
    // With dynamic angles a sequence may outgrow the context, and then the window too.
    const dynamic = { rope_scaling: { rope_type: 'dynamic', factor: 2 }, sliding_window: 40000 }
    expect(windows({ ...windowed, model_type: 'mistral', ...dynamic })).toEqual([40000, 40000, 40000])
  })

  it('reads what phi3 says of rotary angles', () => {
    const phi3 = { ...minimal, model_type: 'phi3', hidden_size: 4096, partial_rotary_factor: 0.75 }
    expect(decoder(phi3).ropes[0]?.dim).toBe(96)
    const factors = { short_factor: Array(48).fill(1), long_factor: Array(48).fill(2) }
    const long = { ...phi3, max_position_embeddings: 131072, original_max_position_embeddings: 4096 }
    const scaling = {
      type: 'longrope',
      factor: 32,
      originalContext: 4096,
      shortFactors: factors.short_factor,
      longFactors: factors.long_factor,
    }
    for (const type of ['longrope', 'su', 'yarn']) {
      const read = decoder({ ...long, rope_scaling: { type, ...factors } })
      expect(read.ropes).toEqual([{ theta: 10000, dim: 96, scaling }])
      expect(read.contextLength).toBe(131072)
    }
    const given = { rope_type: 'longrope', ...factors, attention_factor: 1.5 }
    expect(decoder({ ...long, rope_parameters: given }).ropes[0]?.scaling).toEqual({
      ...scaling,
      attentionFactor: 1.5,
    })
  })

  it('reads position_encoding, and what a caller wants instead', () => {
    const encoded = (position_encoding: unknown, positionEncoding?: 'rope' | 'alibi' | 'rope+alibi') => {
      const { layers, ropes } = readConfig(fields({ ...minimal, model_type: 'qwen3', position_encoding }), {
        positionEncoding,
      }).decoder
      expect(new Set(layers.map(({ mixer }) => `${mixer.rope} ${mixer.alibi}`)).size).toBe(1)
      return [layers[0]?.mixer.rope, layers[0]?.mixer.alibi, ropes.length]
    }
    expect(encoded('rope')).toEqual([0, false, 1])
    expect(encoded('alibi')).toEqual([-1, true, 0])
    expect(encoded('rope+alibi')).toEqual([0, true, 1])
    expect(encoded('alibi', 'rope')).toEqual([0, false, 1])
    expect(encoded(undefined, 'rope+alibi')).toEqual([0, true, 1])
  })
})
