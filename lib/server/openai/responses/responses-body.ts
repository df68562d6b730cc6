import { z } from 'zod'
import { ignored, list, modelName, only, optional, refused } from '../../body-members.js'
import { efforts } from '../reasoning-effort.js'
import { samplingParams } from '../sampling-params.js'
import { inputItems } from './items.js'

const mostTools = 1024

const functionTool = z.strictObject({
  type: only('built-in tools are not supported: describe a function of your own', 'function'),
  name: z.string().regex(/^[a-zA-Z0-9_.-]{1,128}$/, 'expected 1 to 128 letters, digits, "_", "-" and "."'),
  description: optional(z.string()),
  parameters: optional(z.record(z.string(), z.unknown())),
  strict: refused('what a model writes is not held to a schema: give strict: false', false),
  allowed_callers: ignored(),
  output_schema: ignored(),
  defer_loading: refused('all tools are shown to the model', false),
})

const textConfig = z.strictObject({
  format: optional(
    z.looseObject({ type: only("what a model writes is not held to a format: expected 'text'", 'text') }),
  ),
  verbosity: ignored(),
})

export const responsesBody = z.strictObject({
  model: modelName,
  input: z.union([z.string(), inputItems], 'expected a text or a list of items'),
  instructions: optional(z.string()),
  previous_response_id: optional(z.string().max(256)),
  store: optional(z.boolean()),
  stream: optional(z.boolean()),
  stream_options: ignored(),
  max_output_tokens: optional(z.int().min(1)),
  ...samplingParams,
  tools: optional(list(functionTool, mostTools)),
  tool_choice: refused('a model cannot be made to call a tool yet', 'auto', 'none'),
  parallel_tool_calls: refused('a model may call several tools', true),
  max_tool_calls: ignored(),
  text: optional(textConfig),
  reasoning: optional(
    z.strictObject({
      effort: optional(z.enum(efforts)),
      summary: ignored(),
      generate_summary: ignored(),
    }),
  ),
  /** 'auto' leaves out the oldest turns of a conversation that does not fit. */
  truncation: optional(z.enum(['auto', 'disabled'])),
  metadata: optional(z.record(z.string().max(64), z.string().max(512))),
  include: optional(list(only('nothing else is included', 'reasoning.encrypted_content'), 32)),
  top_logprobs: refused('log-probabilities are given by /v1/chat/completions', 0),
  background: refused('answers are not made in the background', false),
  conversation: refused('conversations are kept as responses: give previous_response_id'),
  prompt: refused('there are no stored prompts'),
  context_management: refused("conversations are not shortened but by truncation: 'auto'"),
  moderation: refused('nothing is moderated'),
  user: ignored(),
  service_tier: ignored(),
  safety_identifier: ignored(),
  prompt_cache_key: ignored(),
  prompt_cache_options: ignored(),
  prompt_cache_retention: ignored(),
})

export type ResponsesRequest = z.output<typeof responsesBody>
