/** A call of a tool that a model asks for. */
export interface ToolCall {
  id: string
  name: string
  /** JSON, as the model wrote it. */
  arguments: string
}

/** How a reply ended; 'writing' until it has. */
export type ReplyEnd = 'writing' | 'stop' | 'length' | 'tool_calls' | 'stopped' | 'failed'

interface Node {
  id: string
  /** The message before; null for the first. */
  parent: string | null
  /** Milliseconds since 1970. */
  created: number
  content: string
}

export interface UserMessage extends Node {
  role: 'user'
}

export interface AssistantMessage extends Node {
  role: 'assistant'
  model: string
  reasoning: string
  calls: ToolCall[]
  end: ReplyEnd
  /** What went wrong, where it failed. */
  error?: string
  /** As the server counted them; absent where the reply was cut off. */
  usage?: { promptTokens: number; completionTokens: number }
  tokensPerSecond?: number
}

/** What a tool gave, told by whoever sits before the page. */
export interface ToolMessage extends Node {
  role: 'tool'
  callId: string
}

export type Message = UserMessage | AssistantMessage | ToolMessage

/** What a conversation's requests ask for; null: the server's own default. */
export interface Settings {
  model: string | null
  system: string
  temperature: number | null
  topP: number | null
  maxTokens: number | null
  seed: number | null
  /** Tools as JSON, a list as OpenAI's API has it; '' for none. */
  tools: string
}

export const defaultSettings: Settings = {
  model: null,
  system: '',
  temperature: null,
  topP: null,
  maxTokens: null,
  seed: null,
  tools: '',
}

/**
 * A conversation with everything that was said in it. Messages form a tree: an answer that is made anew, or a question that is edited, is
 * another child of the same parent, and `head` says which of all the ways through it is shown.
 */
export interface Conversation {
  id: string
  title: string
  created: number
  updated: number
  settings: Settings
  messages: Message[]
  head: string | null
}
