import type { NativeDecoderRules } from '../native/tokenizer-definition.js'
import { expectString, invalid, type PipelineStep, pipelineSteps, unsupported } from './expect.js'
import { readMetaspace } from './metaspace.js'
import { readReplacement } from './replacement.js'

/** How tokens become text. */
export interface Decoder {
  /** Tokens are written in the byte alphabet. */
  isByteLevel: boolean
  /** Tokens spelled `<0x0A>` are bytes. */
  hasBytes: boolean
  rules: NativeDecoderRules
}

/** Steps that may follow one another; each at most once, but for Replace. */
const ORDER = ['Replace', 'Metaspace', 'ByteFallback', 'Fuse', 'Strip']

/**
 * Reads `decoder`: ByteLevel alone, or what SentencePiece's models have: texts replaced in each token, bytes put together, and the space that
 * was put before the first word taken off.
 */
export function readDecoder(value: unknown): Decoder {
  const where = 'decoder'
  const rules: NativeDecoderRules = { replacements: [], stripped: ' ', stripCount: 0, firstLoses: '' }
  const steps = [...pipelineSteps(value, where, 'decoders')]
  const types = steps.map(({ type }) => type)
  if (steps.length === 0) throw unsupported(where, 'no decoder', value)
  if (types.join() === 'ByteLevel') return { isByteLevel: true, hasBytes: false, rules }
  const unknown = steps.find(({ type }) => !ORDER.includes(type))
  if (unknown) throw unsupported(where, `the decoder ${types.join(', ')}`, unknown.type)
  requireOrder(steps)
  for (const step of steps) {
    if (step.type === 'Replace') rules.replacements.push(readReplacement(step.step, step.where))
    if (step.type === 'Metaspace') {
      const { mark, prepend } = readMetaspace(step)
      rules.replacements.push({ pattern: mark, content: ' ' })
      if (prepend !== 'never') rules.firstLoses = mark
    }
    if (step.type === 'Strip') Object.assign(rules, readStrip(step))
  }
  return { isByteLevel: false, hasBytes: types.includes('ByteFallback'), rules }
}

function requireOrder(steps: PipelineStep[]): void {
  for (const [index, { type, where }] of steps.entries()) {
    const before = steps[index - 1]?.type
    const comesLater = before === undefined || ORDER.indexOf(before) < ORDER.indexOf(type)
    if (!comesLater && !(type === 'Replace' && before === 'Replace'))
      throw unsupported(where, `the decoder ${type} after ${before}`, type)
    if (type === 'Metaspace' && before === 'Replace')
      throw unsupported(where, 'the decoder Metaspace after Replace', type)
    if (type === 'Strip' && before !== 'Fuse')
      throw unsupported(where, 'the decoder Strip without Fuse before it', type)
  }
}

function readStrip({ step, where }: PipelineStep): Pick<NativeDecoderRules, 'stripped' | 'stripCount'> {
  const stripped = expectString(step.content, `${where}.content`)
  if (!/^[ -~]$/.test(stripped))
    throw unsupported(`${where}.content`, `to strip ${JSON.stringify(stripped)}`, stripped)
  const count = (name: 'start' | 'stop') => {
    const given = step[name]
    if (!Number.isInteger(given) || (given as number) < 0 || (given as number) >= 2 ** 31)
      throw invalid(`${where}.${name}`, 'a number of characters', given)
    return given as number
  }
  if (count('stop') > 0) throw unsupported(`${where}.stop`, 'to strip the end of a text', step.stop)
  return { stripped, stripCount: count('start') }
}
