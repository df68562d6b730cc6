import type { GenerateOptions, Model, ToolDefinition } from '../../index.js'
import { type OwnOptions, ownOptions } from './own-options.js'
import { unsupported } from './sdk-errors.js'
import type { CallOptions, Tool, Warning } from './spec.js'

/** What a call asks for in this library's words, and what of it does not apply. */
export interface Settings {
  options: GenerateOptions
  warnings: Warning[]
}

/**
 * Settings that only tune are warned of where they do not apply; without what would change the answer there is none.
 *
 * @throws UnsupportedFunctionalityError
 */
export function settingsOf(call: CallOptions, model: Model): Settings {
  expectFree(call)
  const warnings: Warning[] = []
  const own: OwnOptions = ownOptions(call.providerOptions)
  const options = {
    ...given({
      maxTokens: call.maxOutputTokens,
      temperature: call.temperature,
      topP: call.topP,
      topK: call.topK,
      presencePenalty: call.presencePenalty,
      frequencyPenalty: call.frequencyPenalty,
      stop: call.stopSequences,
      seed: call.seed,
    }),
    ...own,
    templateVariables: { ...effortVariables(call.reasoning, model, warnings), ...own.templateVariables },
    tools: call.toolChoice?.type === 'none' ? undefined : toolsOf(call.tools, warnings),
    signal: call.abortSignal,
  }
  return { options, warnings }
}

/** A model cannot be made to write in a form yet, nor to call a tool; and nothing is only asked for in the prompt. */
function expectFree({ responseFormat, toolChoice }: CallOptions): void {
  const why = 'what the model writes is not held to a grammar yet'
  if (responseFormat?.type === 'json') throw unsupported('responseFormat json', why)
  if (toolChoice?.type === 'required' || toolChoice?.type === 'tool')
    throw unsupported(`toolChoice ${toolChoice.type}`, why)
}

/** Without the members that are undefined, which would hide others of their name. */
function given<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T
}

function toolsOf(tools: readonly Tool[] | undefined, warnings: Warning[]): ToolDefinition[] | undefined {
  return tools?.flatMap((tool) => {
    if (tool.type === 'provider') {
      const details = 'quern has no tools of its own'
      warnings.push({ type: 'unsupported', feature: `the provider's tool ${tool.id}`, details })
      return []
    }
    if (tool.strict) {
      const details = `${tool.name}: what the model writes is not held to a schema yet`
      warnings.push({ type: 'unsupported', feature: 'strict tools', details })
    }
    const { name, description, inputSchema } = tool
    return [{ name, description, parameters: inputSchema as Record<string, unknown> }]
  })
}

/** How much to think, in the variables that the model's chat template has for that. */
function effortVariables(
  effort: CallOptions['reasoning'],
  model: Model,
  warnings: Warning[],
): Record<string, unknown> {
  if (effort === undefined || effort === 'provider-default') return {}
  const { source } = model.chatTemplate
  if (source.includes('reasoning_effort')) return { reasoning_effort: effort }
  if (source.includes('enable_thinking')) return { enable_thinking: effort !== 'none' }
  if (effort !== 'none' || source.includes('</think>')) {
    const details = "the model's chat template has no way to say how much to think"
    warnings.push({ type: 'unsupported', feature: 'reasoning', details })
  }
  return {}
}
