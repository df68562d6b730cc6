import { isWithin, ranges } from './ranges.ts'
import { type Conversation, defaultSettings, type Message, type Settings, type ToolCall } from './types.ts'

/** What an export is known by. */
const format = 'quern-conversations'
const version = 1

export function exported(conversations: readonly Conversation[]): string {
  return `${JSON.stringify({ format, version, conversations }, null, 1)}\n`
}

/**
 * The conversations of an export, each member looked at: whatever the file holds, nothing comes in that the page could not show.
 *
 * @throws {TypeError} where it is none, with the place that is wrong.
 */
export function imported(text: string): Conversation[] {
  const file = record(JSON.parse(text), 'the file')
  if (file.format !== format) throw wrong('format', `'${format}'`)
  if (file.version !== version) throw wrong('version', String(version))
  return list(file.conversations, 'conversations').map((one, i) => conversation(one, `conversations[${i}]`))
}

function conversation(value: unknown, at: string): Conversation {
  const { id, title, created, updated, settings: given, messages, head } = record(value, at)
  const all = list(messages, `${at}.messages`).map((one, i) => message(one, `${at}.messages[${i}]`))
  const ids = new Set(all.map((one) => one.id))
  if (ids.size !== all.length) throw wrong(`${at}.messages`, 'an id of its own for each')
  for (const { parent } of all)
    if (parent !== null && !ids.has(parent)) throw wrong(`${at}.messages`, 'known parents')
  if (head !== null && !ids.has(string(head, `${at}.head`))) throw wrong(`${at}.head`, 'the id of a message')
  return {
    id: string(id, `${at}.id`),
    title: string(title, `${at}.title`),
    created: number(created, `${at}.created`),
    updated: number(updated, `${at}.updated`),
    settings: settings(given, `${at}.settings`),
    messages: all,
    head: head as string | null,
  }
}

function message(value: unknown, at: string): Message {
  const given = record(value, at)
  const node = {
    id: string(given.id, `${at}.id`),
    parent: given.parent === null ? null : string(given.parent, `${at}.parent`),
    created: number(given.created, `${at}.created`),
    content: string(given.content, `${at}.content`),
  }
  if (given.role === 'user') return { ...node, role: 'user' }
  if (given.role === 'tool') return { ...node, role: 'tool', callId: string(given.callId, `${at}.callId`) }
  if (given.role !== 'assistant') throw wrong(`${at}.role`, 'user, assistant or tool')
  const ends = ['stop', 'length', 'tool_calls', 'stopped', 'failed'] as const
  return {
    ...node,
    role: 'assistant',
    model: string(given.model, `${at}.model`),
    reasoning: string(given.reasoning, `${at}.reasoning`),
    calls: list(given.calls, `${at}.calls`).map((one, i) => call(one, `${at}.calls[${i}]`)),
    end: ends.find((end) => end === given.end) ?? 'stopped', // one that was being written when it was exported
    ...(given.error !== undefined && { error: string(given.error, `${at}.error`) }),
    ...(given.usage !== undefined && { usage: usage(given.usage, `${at}.usage`) }),
    ...(given.tokensPerSecond !== undefined && {
      tokensPerSecond: number(given.tokensPerSecond, `${at}.tokensPerSecond`),
    }),
  }
}

function call(value: unknown, at: string): ToolCall {
  const { id, name, arguments: json } = record(value, at)
  return {
    id: string(id, `${at}.id`),
    name: string(name, `${at}.name`),
    arguments: string(json, `${at}.arguments`),
  }
}

function usage(value: unknown, at: string) {
  const { promptTokens, completionTokens } = record(value, at)
  return {
    promptTokens: number(promptTokens, `${at}.promptTokens`),
    completionTokens: number(completionTokens, `${at}.completionTokens`),
  }
}

function settings(value: unknown, at: string): Settings {
  const { model, system, temperature, topP, maxTokens, seed, tools } = {
    ...defaultSettings,
    ...record(value, at),
  }
  const optional = (one: unknown, name: keyof typeof ranges) => {
    if (one === null) return null
    const { least, most, isWhole } = ranges[name]
    if (isWithin(number(one, `${at}.${name}`), ranges[name])) return one as number
    throw wrong(`${at}.${name}`, `a ${isWhole ? 'whole ' : ''}number from ${least} to ${most}`)
  }
  return {
    model: model === null ? null : string(model, `${at}.model`),
    system: string(system, `${at}.system`),
    temperature: optional(temperature, 'temperature'),
    topP: optional(topP, 'topP'),
    maxTokens: optional(maxTokens, 'maxTokens'),
    seed: optional(seed, 'seed'),
    tools: string(tools, `${at}.tools`),
  }
}

function record(value: unknown, at: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw wrong(at, 'an object')
}

function list(value: unknown, at: string): unknown[] {
  if (Array.isArray(value)) return value
  throw wrong(at, 'a list')
}

function string(value: unknown, at: string): string {
  if (typeof value === 'string') return value
  throw wrong(at, 'a text')
}

function number(value: unknown, at: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw wrong(at, 'a number')
}

function wrong(at: string, expected: string): TypeError {
  return new TypeError(`${at}: expected ${expected}`)
}
