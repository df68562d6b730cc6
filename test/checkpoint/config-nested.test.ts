// Configs of models that see: the decoder's own stands in text_config. Values as published, defaults as of transformers 5: Qwen3VLTextConfig, MistralConfig.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../lib/checkpoint/config.js'
import { Fields } from '../../lib/checkpoint/fields.js'
import { QuernError, type QuernErrorCode } from '../../lib/errors.js'
import { type JsonObject, parseJson } from '../../lib/files/json.js'
import { expectCode } from '../model/expect-code.js'
import { decoder, fields, minimal } from './read-decoder.js'

/** Of Qwen3-VL-2B-Instruct. */
const qwen3vl = {
  architectures: ['Qwen3VLForConditionalGeneration'],
  image_token_id: 151655,
  model_type: 'qwen3_vl',
  text_config: {
    attention_bias: false,
    attention_dropout: 0,
    bos_token_id: 151643,
    dtype: 'bfloat16',
    eos_token_id: 151645,
    head_dim: 128,
    hidden_act: 'silu',
    hidden_size: 2048,
    initializer_range: 0.02,
    intermediate_size: 6144,
    max_position_embeddings: 262144,
    model_type: 'qwen3_vl_text',
    num_attention_heads: 16,
    num_hidden_layers: 28,
    num_key_value_heads: 8,
    rms_norm_eps: 1e-6,
    rope_scaling: { mrope_interleaved: true, mrope_section: [24, 20, 20], rope_type: 'default' },
    rope_theta: 5_000_000,
    tie_word_embeddings: true,
    use_cache: true,
    vocab_size: 151936,
  },
  tie_word_embeddings: true,
  transformers_version: '4.57.0.dev0',
  video_token_id: 151656,
  vision_config: {
    deepstack_visual_indexes: [5, 11, 17],
    depth: 24,
    hidden_size: 1024,
    model_type: 'qwen3_vl',
  },
}
/** Of Mistral-Small-3.2-24B-Instruct-2506. */
const mistral3 = {
  architectures: ['Mistral3ForConditionalGeneration'],
  model_type: 'mistral3',
  text_config: {
    attention_dropout: 0,
    head_dim: 128,
    hidden_act: 'silu',
    hidden_size: 5120,
    intermediate_size: 32768,
    max_position_embeddings: 131072,
    model_type: 'mistral',
    num_attention_heads: 32,
    num_hidden_layers: 40,
    num_key_value_heads: 8,
    rms_norm_eps: 1e-5,
    rope_theta: 1e9,
    sliding_window: null,
    vocab_size: 131072,
  },
  torch_dtype: 'bfloat16',
  vision_config: { hidden_size: 1024, model_type: 'pixtral' },
}
const inside = (more: object) => ({ ...qwen3vl, text_config: { ...qwen3vl.text_config, ...more } })

describe('text_config', () => {
  it('is the qwen3 of Qwen3-VL', () => {
    const flat = { ...qwen3vl.text_config, model_type: 'qwen3', rope_scaling: null }
    expect(decoder(qwen3vl)).toEqual(decoder(flat))
    expect(decoder(qwen3vl)).toMatchObject({ contextLength: 262144, ropes: [{ theta: 5e6 }] })
    expect(readConfig(fields(qwen3vl)).architecture.modelType).toBe('qwen3_vl')
  })

  it('is the mistral of Mistral Small', () => {
    const { layers, ...model } = decoder(mistral3)
    expect(layers.length).toBe(40)
    expect(layers[0]?.mixer).toMatchObject({ heads: 32, kvHeads: 8, headDim: 128, window: 0, qkNorm: 'none' })
    expect(model).toMatchObject({ hidden: 5120, ropes: [{ theta: 1e9, dim: 128 }], tiedEmbeddings: false })
    expect(readConfig(fields(mistral3)).stopTokens).toEqual([2])
  })

  it('has the defaults of the class that describes it', () => {
    const seeing = decoder({ model_type: 'qwen3_vl', text_config: minimal })
    expect(seeing).toMatchObject({ contextLength: 128_000, ropes: [{ theta: 500_000, dim: 128 }] })
    expect(seeing.layers[0]?.mixer).toMatchObject({ kvHeads: 32, headDim: 128, qkNorm: 'head', window: 0 })
    expect(decoder({ model_type: 'mistral3', text_config: minimal }).layers[0]?.mixer).toMatchObject({
      kvHeads: 8,
      headDim: 16,
      window: 4096,
    })
  })

  it('may leave its type out, or repeat the outer one', () => {
    const expected = decoder(qwen3vl)
    for (const model_type of [undefined, null, 'qwen3_vl'])
      expect(decoder(inside({ model_type }))).toEqual(expected)
    expect(decoder({ ...qwen3vl, model_type: undefined })).toEqual(expected)
  })

  it('has no windows in Qwen3-VL, whatever is said of them', () => {
    const windowed = inside({
      use_sliding_window: true,
      sliding_window: 8,
      max_window_layers: 0,
      layer_types: 7,
    })
    expect(decoder(windowed)).toEqual(decoder(qwen3vl))
  })

  it.each([
    { type: 'mrope', mrope_section: [24, 20, 20] },
    { type: 'default', rope_type: 'default', mrope_section: [24, 20, 20] },
    { mrope_section: [24, 20, 20], mrope_interleaved: true },
    { rope_type: 'mrope' },
  ])('turns as without %j, which is for images', (rope_scaling) => {
    expect(decoder(inside({ rope_scaling }))).toEqual(decoder(qwen3vl))
  })

  it('takes mrope beside another scaling, and in rope_parameters', () => {
    const mrope = { mrope_section: [24, 20, 20], mrope_interleaved: true }
    const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 65536 }
    const scaled = (more: object) =>
      decoder(inside({ rope_theta: undefined, rope_scaling: undefined, ...more })).ropes
    expect(scaled({ rope_parameters: { ...yarn, ...mrope, rope_theta: 5e6 } })).toEqual(
      scaled({ rope_theta: 5e6, rope_scaling: yarn }),
    )
    expect(scaled({ rope_parameters: { ...mrope, rope_theta: 7e6 } })[0]).toMatchObject({ theta: 7e6 })
  })
})

describe('what stands outside', () => {
  it.each([
    [true, false, true],
    [false, true, false],
    [undefined, true, true],
    [null, true, true],
    [true, undefined, true],
    [undefined, undefined, false],
  ])('tie_word_embeddings: %s, inside %s, is %s', (outer, inner, expected) => {
    const config = { ...inside({ tie_word_embeddings: inner }), tie_word_embeddings: outer }
    expect(decoder(config).tiedEmbeddings).toBe(expected)
  })

  it('eos_token_id counts, or else the one inside, or else what the class says', () => {
    const stops = (outer: unknown, inner: unknown) =>
      readConfig(
        fields({
          ...mistral3,
          eos_token_id: outer,
          text_config: { ...mistral3.text_config, eos_token_id: inner },
        }),
      ).stopTokens
    expect(stops([7, 8], 5)).toEqual([7, 8])
    expect(stops(undefined, 5)).toEqual([5])
    expect(stops(null, 5)).toEqual([5])
    expect(stops(undefined, undefined)).toEqual([2])
    expect(stops(undefined, null)).toBeUndefined()
  })

  it.each([
    ['outside', { ...qwen3vl, quantization_config: { quant_method: 'fp8' } }],
    ['inside', inside({ quantization_config: { quant_method: 'fp8' } })],
  ])('a quantization %s is refused', async (_, config) => {
    expect((await expectCode(() => decoder(config), 'unsupported_model')).message).toMatch(
      /quantized with "fp8"/,
    )
  })
})

describe('refusals', () => {
  const { text_config } = qwen3vl
  it.each<[object, QuernErrorCode, RegExp]>([
    [
      { model_type: 'mistral3', text_config: { model_type: 'ministral3' } },
      'unsupported_model',
      /"mistral3" \(its text model: "ministral3"\) is not supported yet/,
    ],
    [
      { model_type: 'qwen3_vl', text_config: { model_type: 'qwen3' } },
      'unsupported_model',
      /"qwen3_vl" \(its text model: "qwen3"\)/,
    ],
    [
      { model_type: 'gemma3', text_config: { ...minimal, model_type: 'gemma3_text' } },
      'unsupported_model',
      /"gemma3" \(its text model: "gemma3_text"\)/,
    ],
    [
      { model_type: 'llava', text_config: { ...minimal } },
      'unsupported_model',
      /"llava" with a text_config is/,
    ],
    [
      { ...minimal, model_type: 'qwen3', text_config: { ...minimal, model_type: 'llama' } },
      'unsupported_model',
      /"qwen3" \(its text model: "llama"\)/,
    ],
    [{ ...text_config, model_type: 'qwen3_vl_text' }, 'unsupported_model', /"qwen3_vl_text" is/],
    [
      { ...qwen3vl, architectures: ['Qwen3VLForTokens'] },
      'unsupported_model',
      /no Qwen3VLForConditionalGeneration/,
    ],
    [{ ...qwen3vl, text_config: [] }, 'invalid_config', /: "text_config" must be an object, got \[\]/],
    [{ ...qwen3vl, text_config: 'qwen3' }, 'invalid_config', /: "text_config" must be an object/],
    [{ ...qwen3vl, text_config: null }, 'invalid_config', /: "text_config" is missing/],
    [{ ...minimal, model_type: 'qwen3_vl' }, 'invalid_config', /: "text_config" is missing/],
    [{ ...qwen3vl, text_config: {} }, 'invalid_config', /: "text_config.hidden_size" is missing/],
    [{ ...qwen3vl, position_encoding: 'nonsense' }, 'invalid_config', /: "position_encoding" must be rope/],
    [inside({ text_config }), 'unsupported_model', /: text_config: a text_config of its own/],
    [inside({ hidden_size: 'big' }), 'invalid_config', /: "text_config.hidden_size" must be an integer/],
    [inside({ num_hidden_layers: 1e9 }), 'invalid_config', /: "text_config.num_hidden_layers" must be/],
    [
      inside({ model_type: ['qwen3_vl_text'] }),
      'invalid_config',
      /: "text_config.model_type" must be a string/,
    ],
    [inside({ model_type: 'x'.repeat(1e6) }), 'unsupported_model', /^.{1,400}$/],
    [inside({ hidden_act: 'gelu' }), 'unsupported_model', /: text_config: the activation function gelu/],
    [
      inside({ rope_scaling: { rope_type: 'yarn', factor: 'x' } }),
      'invalid_config',
      /: "text_config.rope_scaling.factor" must be a number/,
    ],
    [
      { ...qwen3vl, tie_word_embeddings: 'yes' },
      'invalid_config',
      /: "tie_word_embeddings" must be true or false/,
    ],
    [inside({ tie_word_embeddings: 1 }), 'invalid_config', /: "text_config.tie_word_embeddings" must be/],
  ])('%j is %s', async (config, code, reason) => {
    // What stands outside counts before what stands inside.
    const stated = reason.source.includes('text_config.tie')
      ? { ...config, tie_word_embeddings: null }
      : config
    expect((await expectCode(() => decoder(stated), code)).message).toMatch(reason)
  })

  it('knows no keys of objects', async () => {
    const text = JSON.stringify({ ...qwen3vl, text_config: 'HERE' })
    const read = (inner: string) => {
      const json = new TextEncoder().encode(text.replace('"HERE"', inner))
      return readConfig(new Fields(parseJson(json, { dialect: 'python' }) as JsonObject, 'config.json'))
    }
    const shape = JSON.stringify(minimal).slice(1, -1)
    const hidden = '"hidden_size":64'
    expect(read(`{"__proto__":{${hidden}},"constructor":5,${shape}}`).decoder.hidden).toBe(
      minimal.hidden_size,
    )
    const error = await expectCode(() => read(`{"__proto__":{${shape}}}`), 'invalid_config')
    expect(error.message).toMatch(/"text_config.hidden_size" is missing/)
  })

  it('are QuernErrors, whatever stands where', () => {
    const keys = fc.constantFrom(
      ...Object.keys(qwen3vl.text_config),
      'text_config',
      'rope_parameters',
      '__proto__',
    )
    const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.integer(), fc.constant(text_config))
    const changed = fc.array(fc.tuple(keys, value), { maxLength: 4 })
    fc.assert(
      fc.property(changed, changed, fc.oneof(fc.constant(undefined), value), (outer, inner, instead) => {
        const config = {
          ...qwen3vl,
          ...Object.fromEntries(outer),
          text_config: instead ?? { ...text_config, ...Object.fromEntries(inner) },
        }
        try {
          expect(decoder(config).layers.length).toBeGreaterThan(0)
        } catch (error) {
          if (!(error instanceof QuernError)) throw error
          expect(error.message.length).toBeLessThan(2000)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
