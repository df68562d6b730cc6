import type { NativeNormalizerStep } from '../native/tokenizer-definition.js'
import { pipelineSteps, unsupported } from './expect.js'
import { readReplacement, readShortText } from './replacement.js'

/** Reads `normalizer`. */
export function readNormalizer(value: unknown): NativeNormalizerStep[] {
  const steps: NativeNormalizerStep[] = []
  for (const { type, step, where } of pipelineSteps(value, 'normalizer', 'normalizers')) {
    switch (type) {
      case 'NFC':
        steps.push({ kind: 'nfc', pattern: '', content: '' })
        break
      case 'Prepend':
        steps.push({ kind: 'prepend', pattern: '', content: readShortText(step.prepend, `${where}.prepend`) })
        break
      case 'Replace':
        steps.push({ kind: 'replace', ...readReplacement(step, where) })
        break
      default:
        throw unsupported(where, `the normalizer ${type}`, type)
    }
  }
  return steps
}
