import { QuernError } from '../errors.js'
import { isRecord } from '../input/is-record.js'
import type { ChatTemplate } from './chat-template.js'
import { checkMessages } from './check-messages.js'
import type { ChatMessage, MessageToolCall, TextPart } from './messages.js'
import { TemplateDialect } from './template-dialect.js'

const roles: readonly string[] = ['system', 'developer', 'user', 'assistant', 'tool']

/**
 * A conversation in the forms that the template reads, whichever of them a client wrote: a list of text parts becomes text where the
 * template expects text, the arguments of a call become an object or JSON text, `developer` becomes `system` where the template does not know
 * it, and members that are null are left out. The messages are copies.
 *
 * @throws {QuernError} `invalid_input` where it is no conversation, or a role is none that the template knows.
 */
export function adaptMessages(messages: readonly ChatMessage[], template: ChatTemplate): ChatMessage[] {
  checkMessages(messages)
  const dialect = TemplateDialect.of(template)
  return messages.map((message, index) => adaptMessage(message, `messages[${index}]`, dialect))
}

function adaptMessage(message: ChatMessage, name: string, dialect: TemplateDialect): ChatMessage {
  const given = Object.fromEntries(
    Object.entries(message).filter(([, value]) => value !== undefined && value !== null),
  ) as unknown as ChatMessage
  const role = adaptRole(given.role, `${name}.role`, dialect)
  const { tool_calls: calls } = given
  return {
    ...given,
    role,
    content: adaptContent(given.content ?? '', role, dialect),
    ...(calls && { tool_calls: calls.map((call) => adaptCall(call, dialect)) }),
  }
}

function adaptRole(role: ChatMessage['role'], name: string, dialect: TemplateDialect): ChatMessage['role'] {
  if (role === 'developer' && !dialect.names(role)) return 'system'
  if (roles.includes(role) || dialect.names(role)) return role
  throw new QuernError(
    'invalid_input',
    `${name}: expected one of ${roles.join(', ')}, got ${JSON.stringify(role.slice(0, 80))}`,
    { value: role },
  )
}

function adaptContent(
  content: string | readonly TextPart[],
  role: ChatMessage['role'],
  dialect: TemplateDialect,
): string | TextPart[] {
  if (typeof content === 'string') {
    if (dialect.contents(role).text || !dialect.contents(role).parts) return content
    return [{ type: 'text', text: content }]
  }
  if (role !== 'tool' && dialect.contents(role).parts) return [...content]
  return content.map(({ text }) => text).join('')
}

function adaptCall(call: MessageToolCall, dialect: TemplateDialect): MessageToolCall {
  const { arguments: given } = call.function
  if (dialect.arguments === 'either') return call
  const wanted = dialect.arguments === 'object' ? parsed(given) : written(given)
  return { ...call, function: { ...call.function, arguments: wanted } }
}

/** What is no JSON of an object stays what it is: a model may have written it, and the conversation has it so. */
function parsed(given: MessageToolCall['function']['arguments']): MessageToolCall['function']['arguments'] {
  if (typeof given !== 'string') return given
  try {
    const value: unknown = JSON.parse(given)
    return isRecord(value) ? value : given
  } catch {
    return given
  }
}

function written(given: MessageToolCall['function']['arguments']): string {
  return typeof given === 'string' ? given : JSON.stringify(given)
}
