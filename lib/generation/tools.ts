import { invalidOption } from './options.js'

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
  /** JSON schema of its arguments, an object. */
  parameters?: Record<string, unknown> | undefined
}

/**
 * The same as OpenAI's API has it.
 *
 * @example
 * ```ts
 * const tool: FunctionTool = { type: 'function', function: { name: 'now', description: 'The time' } }
 * ```
 */
export interface FunctionTool {
  type: 'function'
  function: ToolDefinition
}

/** Tools as chat templates want them. */
export function functionTools(tools: unknown): FunctionTool[] {
  if (!Array.isArray(tools))
    throw invalidOption('tools', 'an array of { name, description, parameters }', tools)
  return tools.map((tool, index) => functionTool(tool, `tools[${index}]`))
}

function functionTool(tool: unknown, name: string): FunctionTool {
  const wrapped = isObject(tool) && tool.type === 'function' && isObject(tool.function)
  const definition = wrapped ? tool.function : tool
  if (!isObject(definition) || typeof definition.name !== 'string' || definition.name === '') {
    throw invalidOption(name, '{ name, description, parameters } with a name', tool)
  }
  const { parameters } = definition
  if (parameters !== undefined && !isObject(parameters)) {
    throw invalidOption(`${name}.parameters`, 'the JSON schema of an object', parameters)
  }
  if (wrapped) return tool as unknown as FunctionTool
  return { type: 'function', function: definition as unknown as ToolDefinition }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
