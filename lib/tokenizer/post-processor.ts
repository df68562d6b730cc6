import {
  expectId,
  expectObject,
  expectShortArray,
  expectString,
  invalid,
  type PipelineStep,
  pipelineSteps,
  unsupported,
} from './expect.js'

/** The ids put before and after a text with `addSpecialTokens`. */
export interface SpecialAffixes {
  prefix: number[]
  suffix: number[]
}

/** Reads `post_processor`. ByteLevel changes offsets only, so that a template is all that matters for ids. */
export function readPostProcessor(value: unknown): SpecialAffixes {
  let affixes: SpecialAffixes | undefined
  for (const step of pipelineSteps(value, 'post_processor', 'processors')) {
    if (step.type === 'ByteLevel') continue
    if (step.type !== 'TemplateProcessing')
      throw unsupported(step.where, `the post-processor ${step.type}`, step.type)
    if (affixes !== undefined) throw unsupported(step.where, 'a second template')
    affixes = readTemplate(step)
  }
  return affixes ?? { prefix: [], suffix: [] }
}

function readTemplate({ step, where }: PipelineStep): SpecialAffixes {
  const affixes: SpecialAffixes = { prefix: [], suffix: [] }
  let texts = 0
  for (const [index, value] of expectShortArray(step.single, `${where}.single`).entries()) {
    const here = `${where}.single[${index}]`
    const piece = expectObject(value, here)
    if (piece.Sequence !== undefined) {
      if (expectObject(piece.Sequence, `${here}.Sequence`).id !== 'A')
        throw invalid(here, 'the sequence A', piece.Sequence)
      texts++
      continue
    }
    const name = expectString(
      expectObject(piece.SpecialToken, `${here}.SpecialToken`).id,
      `${here}.SpecialToken.id`,
    )
    const specials = expectObject(step.special_tokens, `${where}.special_tokens`)
    const inSpecials = `${where}.special_tokens[${JSON.stringify(name)}]`
    if (!Object.hasOwn(specials, name))
      throw invalid(inSpecials, 'the special token of the template', undefined)
    const ids = expectShortArray(expectObject(specials[name], inSpecials).ids, `${inSpecials}.ids`)
    for (const id of ids) affixes[texts === 0 ? 'prefix' : 'suffix'].push(expectId(id, `${inSpecials}.ids`))
  }
  if (texts !== 1) throw unsupported(`${where}.single`, `a template with ${texts} texts`)
  return affixes
}
