import { QuernError } from '../errors.js'
import { strip } from '../python/text.js'
import { contains } from './contains.js'

const mark = 'CONTINUE_FINAL_MESSAGE_TAG '

/**
 * How the last message is left open, whatever a template puts after it: its text gets a mark at the end, and the rendered text is cut
 * there. A template that trims contents trims the mark's own space; then the text before it is trimmed too.
 */
export function continuation(
  messages: readonly unknown[],
  addGenerationPrompt: boolean,
): { marked: unknown[]; cut: (rendered: string) => string } {
  if (addGenerationPrompt) {
    throw refusal(
      'continueFinalMessage and addGenerationPrompt exclude each other: continue a message, or open a new one',
    )
  }
  const last = messages.at(-1) as { content?: unknown } | null | undefined
  const { content, original } = markedContent(last?.content)
  const cut = (rendered: string) => {
    const at = rendered.lastIndexOf(mark.trimEnd())
    const before = rendered.slice(0, Math.max(at, 0))
    if (at < 0 || !contains(rendered, strip(original, 'both'))) {
      throw refusal(
        'continueFinalMessage: the template changes or leaves out the last message, so it cannot be continued',
      )
    }
    return rendered.startsWith(mark, at) ? before : strip(before, 'right')
  }
  return { marked: [...messages.slice(0, -1), { ...last, content }], cut }
}

function markedContent(content: unknown): { content: unknown; original: string } {
  if (typeof content === 'string') return { content: content + mark, original: content }
  if (Array.isArray(content)) {
    const index = content.findLastIndex((part) => typeof part?.text === 'string')
    if (index >= 0) {
      const { text } = content[index]
      return { content: content.with(index, { ...content[index], text: text + mark }), original: text }
    }
  }
  throw refusal('continueFinalMessage: the last message has no text to continue')
}

function refusal(message: string): QuernError {
  return new QuernError('invalid_input', message)
}
