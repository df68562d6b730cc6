import { z } from 'zod'
import type { FunctionTool } from '../../index.js'
import { list, only, optional, refused } from '../body-members.js'

const mostTools = 1024

const tool = z.strictObject({
  type: only('only functions are supported', 'function'),
  function: z.strictObject({
    name: z.string().regex(/^[\w.-]{1,128}$/, 'expected 1 to 128 letters, digits, "_", "-" and "."'),
    description: optional(z.string()),
    parameters: optional(z.record(z.string(), z.unknown())),
    strict: refused('what a model writes is not held to a schema yet', false),
  }),
})

/** The functions that a model may call, as OpenAI's API has them. */
export const chatTools = list(tool, mostTools)

/** The same as this library has them. */
export function toolsOf(tools: z.output<typeof chatTools>): FunctionTool[] {
  const none = { type: 'object', properties: {} }
  return tools.map(({ function: { name, description, parameters = none } }) => ({
    type: 'function',
    function: { name, ...(description !== undefined && { description }), parameters },
  }))
}
