import { invalidOption } from '../input/check-option.js'
import { isRecord } from '../input/is-record.js'
import { plainCopy } from './plain-copy.js'

/**
 * A tool that the model may call.
 *
 * @example
 * ```ts
 * const getWeather: ToolDefinition = {
 *   name: 'get_weather',
 *   description: 'The weather in a city',
 *   parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
 * }
 * ```
 */
export interface ToolDefinition {
  name: string
  /** What it does, for the model to read. */
  description?: string | undefined
  /** JSON schema of its arguments, an object: `{ type: 'object', properties: {} }` where it has none. */
  parameters: Record<string, unknown>
}

/**
 * The same as OpenAI's API has it.
 *
 * @example
 * ```ts
 * const parameters = { type: 'object', properties: {} }
 * const tool: FunctionTool = { type: 'function', function: { name: 'now', description: 'The time', parameters } }
 * ```
 */
export interface FunctionTool {
  type: 'function'
  function: ToolDefinition
}

/** What OpenAI's and Anthropic's APIs and the Model Context Protocol take for a name. */
const toolName = /^[A-Za-z0-9_.-]{1,128}$/
const mostTools = 1024

/** Tools as chat templates want them; none for an empty list. Copies of plain JSON data. */
export function functionTools(tools: unknown): FunctionTool[] | undefined {
  if (tools === undefined) return undefined
  if (!Array.isArray(tools) || tools.length > mostTools)
    throw invalidOption('tools', `an array of at most ${mostTools} { name, description, parameters }`, tools)
  const copies = Array.from(tools, (tool, index) => functionTool(tool, `tools[${index}]`))
  const names = new Set<string>()
  for (const [
    index,
    {
      function: { name },
    },
  ] of copies.entries()) {
    if (names.has(name)) throw invalidOption(`tools[${index}].name`, 'a name that no other tool has', name)
    names.add(name)
  }
  return copies.length === 0 ? undefined : copies
}

function functionTool(given: unknown, place: string): FunctionTool {
  const tool = plainCopy(given, place)
  const wrapped = isRecord(tool) && tool.type === 'function' && isRecord(tool.function)
  const definition = wrapped ? tool.function : tool
  if (!isRecord(definition) || typeof definition.name !== 'string')
    throw invalidOption(place, '{ name, description, parameters }', given)
  const { name, description, parameters } = definition
  if (!toolName.test(name)) {
    throw invalidOption(`${place}.name`, 'a name of 1 to 128 letters, digits, "_", "-" and "."', name)
  }
  if (description !== undefined && typeof description !== 'string')
    throw invalidOption(`${place}.description`, 'a text', description)
  if (!isRecord(parameters)) {
    const none = "{ type: 'object', properties: {} } for none"
    throw invalidOption(`${place}.parameters`, `the JSON schema of an object; ${none}`, parameters)
  }
  return (wrapped ? tool : { type: 'function', function: definition }) as unknown as FunctionTool
}
