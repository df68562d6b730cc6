import { z } from 'zod'
import { ignored, list, modelName, only, optional, refused } from '../body-members.js'
import { assistantContent, textBlock, userContent } from './blocks.js'

const mostMessages = 10_000
const mostTools = 1024
const mostStops = 64

const message = z.discriminatedUnion(
  'role',
  [
    z.strictObject({ role: z.literal('user'), content: userContent }),
    z.strictObject({ role: z.literal('assistant'), content: assistantContent }),
  ],
  "expected a message of the role 'user' or 'assistant'",
)

const tool = z.strictObject({
  type: optional(only('tools of the API itself are not supported: describe one of your own', 'custom')),
  name: z.string().regex(/^[a-zA-Z0-9_.-]{1,128}$/, 'expected 1 to 128 letters, digits, "_", "-" and "."'),
  description: optional(z.string()),
  input_schema: z.record(z.string(), z.unknown()),
  strict: refused('what a model writes is not held to a schema', false),
  cache_control: ignored(),
  input_examples: ignored(),
  eager_input_streaming: ignored(),
  allowed_callers: ignored(),
  defer_loading: refused('all tools are shown to the model', false),
})

const toolChoice = z.discriminatedUnion(
  'type',
  [
    z.strictObject({
      type: z.literal('auto'),
      disable_parallel_tool_use: refused('a model may call several tools', false),
    }),
    z.strictObject({ type: z.literal('none') }),
    z.looseObject({ type: z.enum(['any', 'tool']) }).superRefine((_, context) =>
      context.addIssue({
        code: 'custom',
        path: ['type'],
        message: "no model can be made to call a tool: expected 'auto' or 'none'",
        params: { code: 'unsupported' },
      }),
    ),
  ],
  "expected { type: 'auto' } or { type: 'none' }",
)

const thinking = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('enabled'), budget_tokens: ignored(), display: ignored() }),
    z.strictObject({ type: z.literal('adaptive'), display: ignored() }),
    z.strictObject({ type: z.literal('disabled') }),
  ],
  "expected a type of thinking: 'enabled', 'adaptive' or 'disabled'",
)

/** What a conversation is made of: what is answered, and what is counted. */
const conversation = {
  model: modelName,
  messages: list(message, mostMessages, 1),
  system: optional(z.union([z.string(), list(textBlock, mostMessages)])),
  tools: optional(list(tool, mostTools)),
  tool_choice: optional(toolChoice),
  thinking: optional(thinking),
  output_config: optional(
    z.strictObject({
      effort: ignored(),
      format: refused('what a model writes is not held to a schema'),
    }),
  ),
  cache_control: ignored(),
  context_management: refused('conversations are not shortened'),
  mcp_servers: refused('servers of tools are not called'),
  user_profile_id: ignored(),
  workspace_id: ignored(),
  speed: ignored(),
}

export const countTokensBody = z.strictObject(conversation)

export const messagesBody = z.strictObject({
  ...conversation,
  max_tokens: z.int().min(1),
  stop_sequences: optional(list(z.string().min(1).max(1024), mostStops)),
  temperature: optional(z.number().min(0).max(2)),
  top_p: optional(z.number().min(0).max(1)),
  top_k: optional(z.int().min(0)),
  stream: optional(z.boolean()),
  /** From -100 to 100: where requests wait, those of a higher priority go first. */
  priority: optional(z.int().min(-100).max(100)),
  metadata: ignored(),
  service_tier: ignored(),
  inference_geo: ignored(),
  diagnostics: ignored(),
  container: refused('there are no containers'),
})

export type ConversationRequest = z.output<typeof countTokensBody>
export type MessagesRequest = z.output<typeof messagesBody>
