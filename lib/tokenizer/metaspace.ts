import type { NativeMetaspace } from '../native/tokenizer-definition.js'
import { expectFlag, expectString, invalid, type PipelineStep } from './expect.js'

const SCHEMES = ['always', 'first', 'never'] as const

/**
 * A `Metaspace` step of a pre-tokenizer or decoder. Older files have `add_prefix_space` in place of `prepend_scheme`, and where both stand
 * there its false wins.
 */
export function readMetaspace({ step, where }: PipelineStep): NativeMetaspace {
  const mark = expectString(step.replacement, `${where}.replacement`)
  if ([...mark].length !== 1 || /\p{Surrogate}/u.test(mark))
    throw invalid(`${where}.replacement`, 'one character', mark)
  const scheme = step.prepend_scheme ?? 'always'
  const prepend = SCHEMES.find((name) => name === scheme)
  if (prepend === undefined) throw invalid(`${where}.prepend_scheme`, SCHEMES.join(', '), step.prepend_scheme)
  return {
    mark,
    prepend: expectFlag(step.add_prefix_space, `${where}.add_prefix_space`, true) ? prepend : 'never',
    split: expectFlag(step.split, `${where}.split`, true),
  }
}
