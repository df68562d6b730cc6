import type { NativeMetaspace, NativePretokenizerStep } from '../native/tokenizer-definition.js'
import { expectFlag, expectObject, invalid, type PipelineStep, pipelineSteps, unsupported } from './expect.js'
import { readMetaspace } from './metaspace.js'

const CONTRACTIONS = "'s|'t|'re|'ve|'m|'ll|'d"

function cl100kPattern(digits: string): string {
  return `(?i:${CONTRACTIONS})|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`
}

const GPT2: NativePretokenizerStep = { kind: 'gpt2', maxDigits: 1 }

/** The split patterns that have a native scanner, by their exact text. */
const KNOWN_PATTERNS = new Map<string, NativePretokenizerStep>([
  [cl100kPattern('\\p{N}'), { kind: 'cl100k', maxDigits: 1 }], // Qwen2, Qwen3
  [cl100kPattern('\\p{N}{1,3}'), { kind: 'cl100k', maxDigits: 3 }], // Llama 3
  [`${CONTRACTIONS}| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+`, GPT2],
])

const UNLIMITED_DIGITS = 2 ** 31 - 1

/** How BPE over characters cuts texts: not at all, or by Metaspace. */
export function readCharacterPretokenizer(value: unknown): NativeMetaspace | undefined {
  let metaspace: NativeMetaspace | undefined
  for (const pipelineStep of pipelineSteps(value, 'pre_tokenizer', 'pretokenizers')) {
    const { type, where } = pipelineStep
    if (type !== 'Metaspace') throw unsupported(where, `the pre-tokenizer ${type} without ByteLevel`, type)
    if (metaspace !== undefined) throw unsupported(where, 'a second Metaspace')
    metaspace = readMetaspace(pipelineStep)
  }
  return metaspace
}

/** The native steps of BPE over bytes. They must end in the one `ByteLevel` that makes the pipeline byte-level. */
export function readBytePretokenizer(value: unknown): NativePretokenizerStep[] {
  const where = 'pre_tokenizer'
  const steps: NativePretokenizerStep[] = []
  let byteLevel = false
  for (const pipelineStep of pipelineSteps(value, where, 'pretokenizers')) {
    if (byteLevel) throw unsupported(pipelineStep.where, `a step after ByteLevel (${pipelineStep.type})`)
    switch (pipelineStep.type) {
      case 'Split':
        steps.push(readSplit(pipelineStep))
        break
      case 'Digits': {
        const single = expectFlag(
          pipelineStep.step.individual_digits,
          `${pipelineStep.where}.individual_digits`,
          false,
        )
        steps.push({ kind: 'digits', maxDigits: single ? 1 : UNLIMITED_DIGITS })
        break
      }
      case 'ByteLevel':
        byteLevel = true
        if (expectFlag(pipelineStep.step.add_prefix_space, `${pipelineStep.where}.add_prefix_space`, true))
          throw unsupported(`${pipelineStep.where}.add_prefix_space`, 'a space put before the text')
        if (expectFlag(pipelineStep.step.use_regex, `${pipelineStep.where}.use_regex`, true)) steps.push(GPT2)
        break
      default:
        throw unsupported(pipelineStep.where, `the pre-tokenizer ${pipelineStep.type}`, pipelineStep.type)
    }
  }
  if (!byteLevel) throw unsupported(where, 'a pre-tokenizer without ByteLevel, where the decoder has it,')
  return steps
}

function readSplit({ step, where }: PipelineStep): NativePretokenizerStep {
  const pattern = expectObject(step.pattern, `${where}.pattern`)
  if (typeof pattern.Regex !== 'string') {
    if (typeof pattern.String === 'string')
      throw unsupported(`${where}.pattern`, 'a fixed string', pattern.String)
    throw invalid(`${where}.pattern`, '{ "Regex": string }', step.pattern)
  }
  const known = KNOWN_PATTERNS.get(pattern.Regex)
  if (known === undefined)
    throw unsupported(`${where}.pattern`, `the expression ${pattern.Regex}`, pattern.Regex)
  if (step.behavior !== 'Isolated')
    throw unsupported(`${where}.behavior`, String(step.behavior), step.behavior)
  if (expectFlag(step.invert, `${where}.invert`, false)) throw unsupported(`${where}.invert`, 'true')
  return known
}
