import { describe, expect, it } from 'vitest'
import { planModel } from '../../lib/checkpoint/plan-model.js'
import { type RandomModelOptions, randomFiles, randomModelIds } from '../../lib/checkpoint/random.js'
import { expectCode } from '../model/expect-code.js'

const planRandomModel = (id: string, options?: RandomModelOptions) => planModel(randomFiles(id, options)).plan

describe('a random model', () => {
  it.each([
    ['random:qwen3-0.6b', 596_049_920],
    ['random:qwen3-1.7b', 1_720_574_976],
    ['random:qwen3-4b', 4_022_468_096],
    ['random:mistral-7b', 7_241_732_096],
    ['random:phi3-mini', 3_821_079_552],
  ])('%s has as many parameters as the real model', (id, parameters) => {
    const plan = planRandomModel(id)
    expect(plan.weights.reduce((sum, { rows, cols }) => sum + rows * cols, 0)).toBe(parameters)
    expect(plan.weights.every(({ dtype }) => dtype === 'bf16')).toBe(true)
    expect(plan.files).toEqual([])
    expect(plan.seed).toBe(0)
  })

  it('has the rotary base and the context of Qwen3-4B-Instruct-2507', () => {
    const { config } = planRandomModel('random:qwen3-4b')
    expect(config.ropes[0]?.theta).toBe(5e6)
    expect(config.contextLength).toBe(262_144)
    expect(planRandomModel('random:qwen3-0.6b').config.contextLength).toBe(40_960)
  })

  it('gives norms of one and matrices that keep activations near one', () => {
    const source = (slot: string) =>
      planRandomModel('random:qwen3-4b').weights.find((weight) => weight.slot === slot)?.source
    expect(source('embed')).toEqual({ random: Math.sqrt(3) * 0.02 })
    expect(source('layers.35.down')).toEqual({ random: Math.sqrt(3 / 9728) })
    expect(source('layers.0.k_norm')).toEqual({ constant: 1 })
  })

  it('takes a type and a seed', () => {
    const plan = planRandomModel('random:qwen3-0.6b', { dtype: 'f32', seed: 7 })
    expect(plan.seed).toBe(7)
    expect(plan.weights[0]?.dtype).toBe('f32')
  })

  it.each(['random:qwen3-9b', 'random:', 'random:constructor', 'qwen3-4b'])('%s is none', async (id) => {
    const { message } = await expectCode(() => planRandomModel(id), 'invalid_input')
    for (const known of randomModelIds) expect(message).toContain(known)
  })
})
