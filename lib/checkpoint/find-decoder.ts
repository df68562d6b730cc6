import { quote } from '../files/quote.js'
import { type Architecture, architectures } from './architectures.js'
import type { Fields } from './fields.js'

/** A decoder in a config.json: the whole file describes it, or `text_config` in that of a model that sees. */
export interface FoundDecoder {
  architecture: Architecture
  /** What describes the decoder. */
  fields: Fields
  /** config.json itself, where `tie_word_embeddings`, `eos_token_id`, `quantization_config` and `position_encoding` may stand outside, and then count. */
  whole: Fields
}

/**
 * Finds the row of the table that a config.json speaks of. What no row has may be any of the hundreds of families that exist: not supported,
 * rather than wrong.
 *
 * @throws {QuernError} `invalid_config`, `unsupported_model`.
 */
export function findDecoder(whole: Fields): FoundDecoder {
  const modelType = whole.string('model_type')
  const classNames = whole.strings('architectures') ?? []
  if (modelType === undefined && classNames.length === 0) return whole.missing('model_type')
  const isNamed = ({ className, baseClassName }: Architecture) =>
    classNames.includes(className) || classNames.includes(baseClassName)
  const rows = architectures.filter((row) =>
    modelType === undefined ? isNamed(row) : row.modelType === modelType,
  )
  const text = findText(whole, rows)
  const textType = text?.string('model_type')
  const architecture = rows.find((row) => isOf(row, text, textType))
  if (architecture === undefined) {
    const name = quote(modelType ?? classNames.join(', '))
    const known = architectures.map((row) => describeRow(row, modelType === undefined))
    return whole.unsupported(
      `the architecture ${name}${describeText(text, textType)} is`,
      `, only ${known.join(', ')} are`,
    )
  }
  if (classNames.length > 0 && !isNamed(architecture)) {
    const { className } = architecture
    return whole.unsupported(
      `${quote(classNames.join(', '))} (a ${architecture.modelType} that is no ${className}) is`,
    )
  }
  if (text?.holdsObject('text_config')) return text.unsupported('a text_config of its own is')
  return { architecture, fields: text ?? whole, whole }
}

/** Whatever is no object means nothing in a family without a `text_config`. */
function findText(whole: Fields, rows: readonly Architecture[]): Fields | undefined {
  if (rows.some(({ textType }) => textType !== undefined)) return whole.requiredObject('text_config')
  return whole.holdsObject('text_config') ? whole.object('text_config') : undefined
}

function isOf(row: Architecture, text: Fields | undefined, textType: string | undefined): boolean {
  if (row.textType === undefined) return text === undefined
  return textType === undefined || textType === row.textType || textType === row.modelType
}

function describeRow({ modelType, textType, className }: Architecture, byClass: boolean): string {
  const name = byClass ? className : modelType
  return textType === undefined ? name : `${name} (its text model: ${textType})`
}

function describeText(text: Fields | undefined, textType: string | undefined): string {
  if (text === undefined) return ''
  return textType === undefined ? ' with a text_config' : ` (its text model: ${quote(textType)})`
}
