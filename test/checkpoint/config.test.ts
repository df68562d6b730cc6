import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../lib/checkpoint/config.js'
import { readGenerationConfig } from '../../lib/checkpoint/generation-config.js'
import { planText } from '../../lib/checkpoint/plan-text.js'
import { QuernError, type QuernErrorCode } from '../../lib/errors.js'
import { expectCode } from '../model/expect-code.js'
import { decoder, fields, minimal } from './read-decoder.js'

const qwen3 = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  hidden_size: 2560,
  intermediate_size: 9728,
  num_hidden_layers: 36,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 128,
  hidden_act: 'silu',
  rms_norm_eps: 1e-6,
  vocab_size: 151936,
  max_position_embeddings: 262144,
  rope_theta: 5000000,
  rope_scaling: null as unknown,
  tie_word_embeddings: true,
  attention_bias: false,
  use_sliding_window: false,
  sliding_window: null as unknown,
  max_window_layers: 36,
}
const rope = (value: unknown) => {
  const [first] = decoder({ ...qwen3, ...(value as object) }).ropes
  if (first === undefined) throw new Error('no rope')
  return first
}
const mixer = (value: unknown) => decoder(value).layers[0]?.mixer

describe('readConfig', () => {
  it('reads Qwen3-4B-Instruct-2507', () => {
    const { layers, ...model } = decoder(qwen3)
    expect(model).toEqual({
      hidden: 2560,
      vocab: 151936,
      normEps: 1e-6,
      contextLength: 262144,
      ropes: [{ theta: 5e6, dim: 128, scaling: { type: 'none', factor: 1, originalContext: 262144 } }],
      tiedEmbeddings: true,
    })
    expect(layers.length).toBe(36)
    for (const layer of layers) {
      expect(layer).toEqual({
        mixer: {
          kind: 'attention',
          heads: 32,
          kvHeads: 8,
          headDim: 128,
          window: 0,
          rope: 0,
          alibi: false,
          qkNorm: 'head',
          bias: 'none',
          gate: 'none',
          sinks: 'none',
          keysAndValues: 'own',
        },
        ffn: { kind: 'dense', width: 9728, activation: 'silu' },
        norms: 'before',
      })
    }
  })

  it('takes what Hugging Face takes where a key is missing', () => {
    const defaultsOf = (modelType: string) => decoder({ ...minimal, model_type: modelType })
    for (const type of ['qwen3', 'qwen2', 'llama', 'mistral', 'phi3']) {
      const { tiedEmbeddings, ropes, normEps } = defaultsOf(type)
      expect({ tiedEmbeddings, theta: ropes[0]?.theta }, type).toEqual({
        tiedEmbeddings: false,
        theta: 10000,
      })
      expect(normEps, type).toBe(type === 'phi3' ? 1e-5 : 1e-6)
    }
    expect(defaultsOf('qwen3').layers[0]?.mixer).toMatchObject({ headDim: 128, kvHeads: 32, bias: 'none' })
    expect(defaultsOf('qwen2').layers[0]?.mixer).toMatchObject({ headDim: 16, kvHeads: 32, bias: 'qkv' })
    expect(defaultsOf('llama').layers[0]?.mixer).toMatchObject({ headDim: 16, kvHeads: 32, bias: 'none' })
    expect(defaultsOf('mistral').layers[0]?.mixer).toMatchObject({ headDim: 16, kvHeads: 8, window: 4096 })
    expect(defaultsOf('phi3').layers[0]?.mixer).toMatchObject({ headDim: 16, kvHeads: 32, window: 0 })
    expect(['qwen3', 'llama', 'mistral', 'phi3'].map((type) => defaultsOf(type).contextLength)).toEqual([
      32768, 2048, 131072, 4096,
    ])
    expect(mixer({ ...minimal, model_type: 'llama', num_attention_heads: 8 })?.kvHeads).toBe(8)
    expect(mixer({ ...minimal, architectures: ['LlamaForCausalLM'] })?.qkNorm).toBe('none')
    expect(mixer({ ...minimal, model_type: 'llama', head_dim: null })?.headDim).toBe(16)
  })

  it('reads rotary parameters in the style of transformers 5', () => {
    const parameters = { rope_type: 'default', rope_theta: 1e4 }
    expect(rope({ rope_theta: undefined, rope_parameters: parameters })).toMatchObject({
      theta: 1e4,
      scaling: { type: 'none' },
    })
    expect(rope({ rope_theta: undefined, rope_parameters: { rope_theta: 1e4 } }).theta).toBe(1e4)
    expect(rope({ rope_parameters: { rope_type: 'default' } }).theta).toBe(5e6)
  })

  it('counts the context that a scaling stretches to', () => {
    const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32768 }
    const context = (value: object) => decoder({ ...qwen3, ...value }).contextLength
    expect(context({ max_position_embeddings: 40960, rope_scaling: yarn })).toBe(131072)
    expect(context({ max_position_embeddings: 262144, rope_scaling: yarn })).toBe(262144)
    expect(context({ max_position_embeddings: 4096, rope_scaling: { type: 'linear', factor: 2.5 } })).toBe(
      10240,
    )
    const llama3 = {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    }
    expect(context({ max_position_embeddings: 131072, rope_scaling: llama3 })).toBe(131072)
  })

  it('counts the mscales of yarn only together', () => {
    const yarn = { rope_type: 'yarn', factor: 4, mscale: 0.7 }
    expect(rope({ rope_scaling: yarn }).scaling).not.toHaveProperty('mscale')
    expect(rope({ rope_scaling: { ...yarn, mscale_all_dim: 0.5 } }).scaling).toMatchObject({
      mscale: 0.7,
      mscaleAllDim: 0.5,
    })
  })

  const longrope = {
    type: 'longrope',
    short_factor: Array(64).fill(1),
    long_factor: Array(64).fill(2),
    original_max_position_embeddings: 64,
  }
  it.each<[object, QuernErrorCode, RegExp]>([
    [{ model_type: 'gemma3' }, 'unsupported_model', /gemma3/],
    [{ model_type: 'qwen33' }, 'unsupported_model', /architecture "qwen33" is .*only qwen3, qwen2, .* are/],
    [{ model_type: 'née "x"\n' }, 'unsupported_model', /architecture "née \\"x\\"\\n"/],
    [{ model_type: 'x'.repeat(1e5) }, 'unsupported_model', /^.{1,300}$/],
    [
      { model_type: 'qwen9', text_config: { model_type: 'qwen9_text' } },
      'unsupported_model',
      /"qwen9" \(its text model: "qwen9_text"\)/,
    ],
    [
      { model_type: null, architectures: ['Mamba9ForCausalLM'] },
      'unsupported_model',
      /"Mamba9ForCausalLM" is .*only Qwen3ForCausalLM/,
    ],
    [{ model_type: null, architectures: null }, 'invalid_config', /"model_type" is missing/],
    [{ model_type: 9 }, 'invalid_config', /string/],
    [
      { architectures: ['Qwen3ForSequenceClassification'] },
      'unsupported_model',
      /Qwen3ForSequenceClassification/,
    ],
    [{ architectures: 'Qwen3ForCausalLM' }, 'invalid_config', /list of strings/],
    [{ attention_bias: true }, 'unsupported_model', /attention_bias/],
    [
      { use_sliding_window: true, sliding_window: 64, layer_types: ['sliding_attention'] },
      'invalid_config',
      /layer_types" must be a list of 36 types/,
    ],
    [{ layer_types: ['linear_attention'] }, 'unsupported_model', /linear_attention/],
    [
      { use_sliding_window: true, sliding_window: 0, max_window_layers: 1 },
      'invalid_config',
      /sliding_window/,
    ],
    [{ partial_rotary_factor: 0.5 }, 'unsupported_model', /partial_rotary_factor/],
    [{ hidden_act: 'gelu' }, 'unsupported_model', /gelu/],
    [{ position_encoding: 'sinus' }, 'invalid_config', /rope, alibi or rope\+alibi/],
    [
      { quantization_config: { quant_method: 'gptq', bits: 4, group_size: 128 } },
      'unsupported_model',
      /gptq/,
    ],
    [
      { quantization_config: { quant_method: 'fp8', weight_block_size: [128] } },
      'invalid_config',
      /weight_block_size/,
    ],
    [{ quantization_config: { bits: 4 } }, 'invalid_config', /quant_method/],
    [{ quantization_config: { quant_method: 'magic' } }, 'unsupported_model', /quantized with "magic"/],
    [{ rope_scaling: longrope }, 'unsupported_model', /longrope/],
    [{ rope_scaling: { ...longrope, short_factor: [1] } }, 'invalid_config', /list of 64 numbers/],
    [
      { model_type: 'phi3', architectures: null, rope_scaling: { ...longrope, long_factor: [1] } },
      'invalid_config',
      /long_factor" must be a list of 64/,
    ],
    [
      {
        model_type: 'phi3',
        architectures: null,
        rope_scaling: { ...longrope, long_factor: Array(64).fill(2e6) },
      },
      'invalid_config',
      /long_factor/,
    ],
    [
      {
        model_type: 'phi3',
        architectures: null,
        rope_scaling: { ...longrope, original_max_position_embeddings: 1 },
      },
      'invalid_config',
      /original_max_position_embeddings" must be 2 to/,
    ],
    [
      { rope_theta: 1, rope_scaling: { type: 'yarn', factor: 4 } },
      'invalid_config',
      /"rope_theta" must be above 1 beside yarn/,
    ],
    [
      { model_type: 'phi3', architectures: null, rope_scaling: { type: 'su' } },
      'invalid_config',
      /short_factor" is missing/,
    ],
    [
      { model_type: 'phi3', architectures: null, partial_rotary_factor: 0.011 },
      'invalid_config',
      /partial_rotary_factor/,
    ],
    [{ model_type: 'phi3', architectures: null, partial_rotary_factor: 0.995 }, 'invalid_config', /even/],
    [{ rope_scaling: { factor: 2 } }, 'invalid_config', /rope_type/],
    [
      { rope_scaling: { rope_type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 4 } },
      'invalid_config',
      /high_freq/,
    ],
    [{ rope_scaling: { rope_type: 'constructor', factor: 2 } }, 'invalid_config', /rope_type/],
    [{ head_dim: 127 }, 'invalid_config', /even/],
    [{ num_attention_heads: 4096, head_dim: 512 }, 'invalid_config', /at most 1048576/],
    [{ head_dim: 2, rope_scaling: { type: 'dynamic', factor: 2 } }, 'invalid_config', /heads of 2/],
    [{ tie_word_embeddings: 'yes' }, 'invalid_config', /true or false/],
    [{ eos_token_id: [-2] }, 'invalid_config', /eos_token_id/],
    [{ vocab_size: 2 ** 60 }, 'invalid_config', /at most 16777216, got 1152921504606847000/],
  ])('%j is %s', async (change, code, reason) => {
    expect((await expectCode(() => readConfig(fields({ ...qwen3, ...change })), code)).message).toMatch(
      reason,
    )
  })

  it('gives a sound configuration or a QuernError, whatever the values', () => {
    const keys = [
      ...Object.keys(qwen3),
      'rope_parameters',
      'quantization_config',
      'layer_types',
      'eos_token_id',
      'mlp_bias',
    ]
    const scaling = fc.record(
      {
        rope_type: fc.constantFrom('linear', 'dynamic', 'yarn', 'llama3', 'longrope', 'default', 'x'),
        factor: fc.oneof(fc.double(), fc.constantFrom(0, 1, 4, 1e300, '2')),
        original_max_position_embeddings: fc.oneof(fc.integer(), fc.constantFrom(64, 2 ** 31 - 1, 2 ** 53)),
        low_freq_factor: fc.double(),
        high_freq_factor: fc.double(),
        beta_fast: fc.double(),
        attention_factor: fc.double(),
        rope_theta: fc.double(),
      },
      { requiredKeys: [] },
    )
    const value = fc.oneof(
      fc.integer(),
      fc.nat(300),
      fc.double(),
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(2 ** 31, 2 ** 53, 1e300),
      scaling,
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...keys), value), { maxLength: 4 }), (changes) => {
        let config: ReturnType<typeof decoder>
        try {
          config = decoder({ ...qwen3, ...Object.fromEntries(changes) })
        } catch (error) {
          expect(error).toBeInstanceOf(QuernError)
          return
        }
        for (const { mixer, ffn } of config.layers) {
          expect(mixer.heads % mixer.kvHeads).toBe(0)
          expect(mixer.headDim % 2).toBe(0)
          expect(mixer.heads * mixer.headDim * config.hidden).toBeLessThan(2 ** 53)
          expect(ffn.width * config.hidden).toBeLessThan(2 ** 53)
          expect(mixer.window).toBeGreaterThanOrEqual(0)
        }
        expect(config.vocab * config.hidden).toBeLessThan(2 ** 53)
        expect(Number.isSafeInteger(config.contextLength)).toBe(true)
        expect(planText({ config, files: [], weights: [], generates: true })).not.toMatch(
          /NaN|Infinity|undefined|null|object/,
        )
      }),
      { numRuns: 2000 },
    )
  })
})

describe('readGenerationConfig', () => {
  const read = (value: unknown) => readGenerationConfig(fields(value))

  it('reads what the makers recommend', () => {
    const qwen = {
      do_sample: true,
      temperature: 0.7,
      top_k: 20,
      top_p: 0.8,
      eos_token_id: [151645, 151643],
    }
    expect(read(qwen)).toEqual({
      defaults: { temperature: 0.7, topK: 20, topP: 0.8 },
      stopTokens: [151645, 151643],
    })
    expect(
      read({ do_sample: true, repetition_penalty: 1.1, min_p: 0.05, typical_p: 0.9, eos_token_id: 2 }),
    ).toEqual({
      defaults: { temperature: 1, repetitionPenalty: 1.1, minP: 0.05, typicalP: 0.9 },
      stopTokens: [2],
    })
  })

  it('is greedy where the file says so, or nothing', () => {
    expect(read({ do_sample: false, temperature: 0.7, top_p: 0.8 }).defaults).toEqual({ temperature: 0 })
    expect(read({ eos_token_id: null }).defaults).toEqual({ temperature: 0 })
  })

  it('leaves out what is off', () => {
    expect(
      read({ temperature: 0.5, top_k: 0, top_p: 1, min_p: 0, typical_p: 1, repetition_penalty: 1 }).defaults,
    ).toEqual({ temperature: 0.5 })
  })

  it.each([
    { temperature: 'hot' },
    { top_p: 1.5 },
    { top_k: 2.5 },
    { repetition_penalty: 0 },
    { do_sample: 1 },
    { eos_token_id: 'x' },
  ])('%j is invalid', async (value) => void (await expectCode(() => read(value), 'invalid_config')))
})
