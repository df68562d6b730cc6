import type { BindToolsInput } from '@langchain/core/language_models/chat_models'
import { convertToOpenAITool } from '@langchain/core/utils/function_calling'
import { type FunctionTool, QuernError } from '../../index.js'
import { show } from '../../input/show.js'

/**
 * Tools of LangChain, of whichever kind, as definitions.
 *
 * @throws {QuernError} `invalid_option` for what is none.
 */
export function toolDefinitions(tools: readonly BindToolsInput[]): FunctionTool[] {
  if (!Array.isArray(tools)) throw noTool('tools: expected an array of tools', tools)
  return tools.map((tool, i) => {
    let found: Partial<FunctionTool> | undefined
    let cause: unknown
    try {
      found = convertToOpenAITool(tool) as FunctionTool // what is neither kind of tool is given back, or read as one
    } catch (error) {
      cause = error
    }
    if (typeof found?.function?.name === 'string') return found as FunctionTool
    throw noTool(`tools[${i}]: expected a tool of LangChain's, or the definition of one`, tool, cause)
  })
}

function noTool(expected: string, value: unknown, cause?: unknown): QuernError {
  return new QuernError('invalid_option', `${expected}, got ${show(value)}`, { value, cause })
}
