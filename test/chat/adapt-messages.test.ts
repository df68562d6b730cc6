import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { adaptMessages } from '../../lib/chat/adapt-messages.js'
import { ChatTemplate } from '../../lib/chat/chat-template.js'
import type { ChatMessage } from '../../lib/chat/messages.js'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { goldenPath, goldensPresent } from '../golden.js'
import { expectCode } from '../model/expect-code.js'

const textOnly = new ChatTemplate('{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}')
const both = new ChatTemplate(
  '{% for m in messages %}[{{ m.role }}] {% if m.content is string %}{{ m.content }}{% else %}' +
    '{% for part in m.content %}{{ part.text }}{% endfor %}{% endif %}\n{% endfor %}',
)
const partsOnly = new ChatTemplate(
  '{% for m in messages %}[{{ m.role }}] {% for part in m.content %}{{ part.text }}{% endfor %}\n{% endfor %}',
)
const bundled = new ChatTemplate(
  JSON.parse(readFileSync(`${bundledModelPath()}/tokenizer_config.json`, 'utf8')).chat_template,
)
const parts = (...texts: string[]) => texts.map((text) => ({ type: 'text' as const, text }))
const adapted = (template: ChatTemplate, ...messages: ChatMessage[]) => adaptMessages(messages, template)

describe('contents', () => {
  const list: ChatMessage = { role: 'user', content: parts('Hello, ', 'world') }
  const text: ChatMessage = { role: 'user', content: 'Hello, world' }

  it('joins parts for a template that knows text alone', () => {
    expect(adapted(textOnly, list)).toEqual([text])
    expect(adapted(textOnly, { role: 'system', content: parts('a', 'b') }, text)[0]?.content).toBe('ab')
    expect(adapted(bundled, list)).toEqual([text])
    expect(bundled.render(adapted(bundled, list))).toBe(bundled.render([text]))
  })

  it('leaves parts to a template that reads them, and makes parts for one that reads nothing else', () => {
    expect(adapted(both, list)).toEqual([list])
    expect(adapted(both, text)).toEqual([text])
    expect(adapted(partsOnly, text)).toEqual([{ role: 'user', content: parts('Hello, world') }])
    expect(partsOnly.render(adapted(partsOnly, text))).toBe('[user] Hello, world')
  })

  it('takes an assistant without text beside its calls, and nothing else without', async () => {
    const calls = [{ function: { name: 'f', arguments: {} } }]
    for (const content of [null, undefined, '']) {
      const message: ChatMessage = { role: 'assistant', content, tool_calls: calls }
      expect(adapted(textOnly, text, message)[1]).toMatchObject({ content: '', tool_calls: calls })
    }
    for (const message of [
      { role: 'assistant', content: null },
      { role: 'assistant', content: null, tool_calls: [] },
      { role: 'user' },
      { role: 'tool', content: null, tool_calls: calls },
    ]) {
      const { message: said } = await expectCode(
        () => adapted(textOnly, text, message as ChatMessage),
        'invalid_input',
      )
      expect(said).toMatch(/^messages\[1\]\.content: expected text/)
    }
  })

  it('leaves out what is null', () => {
    const message = { role: 'assistant', content: 'x', tool_calls: null, refusal: null, audio: undefined }
    expect(adapted(textOnly, message as ChatMessage)).toEqual([{ role: 'assistant', content: 'x' }])
  })
})

describe('roles', () => {
  it('reads developer as system where the template does not know it', () => {
    expect(adapted(textOnly, { role: 'developer', content: 'x' })[0]?.role).toBe('system')
    const knows = new ChatTemplate("{% if messages[0].role == 'developer' %}d{% endif %}")
    expect(adapted(knows, { role: 'developer', content: 'x' })[0]?.role).toBe('developer')
  })

  it('takes the others that the template names, and no more', async () => {
    const knows = new ChatTemplate('{% if messages[0].role == "critic" %}c{% endif %}')
    const critic = { role: 'critic', content: 'x' } as unknown as ChatMessage
    expect(adapted(knows, critic)).toEqual([critic])
    const { message } = await expectCode(() => adapted(textOnly, critic), 'invalid_input')
    expect(message).toBe(
      'messages[0].role: expected one of system, developer, user, assistant, tool, got "critic"',
    )
  })
})

test.each<[unknown, RegExp]>([
  [[1, 2, 3], /messages\[0\]: expected messages; token ids are given as \{ tokens: \[1, 2, 3\] \}, got 1/],
  [['hi'], /messages\[0\]: expected \{ role, content \}, got "hi"/],
  [[{ content: 'x' }], /messages\[0\]\.role: expected a text such as "user", got undefined/],
  [[{ role: 'user', content: 5 }], /messages\[0\]\.content: expected text or an array .*, got 5/],
  [
    [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }],
    /messages\[0\]\.content\[0\]: expected a part of the type "text", the only one .*, got "image_url"/,
  ],
  [[{ role: 'user', content: [{ type: 'text' }] }], /content\[0\]: expected \{ type: 'text', text \}/],
  [[{ role: 'user', content: new Array(2) }], /content\[0\]: expected/],
  [[{ role: 'assistant', content: 'x', tool_calls: [{}] }], /tool_calls\[0\]: expected \{ function/],
  [
    [{ role: 'assistant', content: 'x', tool_calls: [{ function: { name: 'f', arguments: 7 } }] }],
    /tool_calls\[0\]/,
  ],
  [[{ role: 'assistant', content: 'x', tool_calls: 'f' }], /tool_calls: expected an array/],
  [[], /at least one message/],
])('%j is refused', async (messages, reason) => {
  const { message } = await expectCode(
    () => adaptMessages(messages as ChatMessage[], textOnly),
    'invalid_input',
  )
  expect(message).toMatch(reason)
})

describe('arguments of calls', () => {
  const calling = (args: Record<string, unknown> | string): ChatMessage => ({
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'abcdefghi', type: 'function', function: { name: 'f', arguments: args } }],
  })
  const ask: ChatMessage = { role: 'user', content: 'x' }
  const answer: ChatMessage = { role: 'tool', content: 'y', tool_call_id: 'abcdefghi', name: 'f' }
  const calls = (item: string) =>
    new ChatTemplate(
      `{% for m in messages %}{% for c in m.tool_calls or [] %}{{ ${item} }}{% endfor %}{{ m.content }}{% endfor %}`,
    )

  it('become what the template prints: an object, or the text of one', () => {
    const writesJson = calls('c.function.arguments | tojson')
    const writesText = calls("c.function.arguments + ''")
    for (const given of ['{"a": [1, 2]}', { a: [1, 2] }]) {
      expect(writesJson.render(adapted(writesJson, ask, calling(given)))).toBe('x{"a": [1, 2]}')
      expect(writesText.render(adapted(writesText, ask, calling(given))).replaceAll(' ', '')).toBe(
        'x{"a":[1,2]}',
      )
    }
  })

  it('stay as they are where that is no JSON', () => {
    const template = calls('c.function.arguments | tojson')
    expect(adapted(template, ask, calling('{"a": '))[1]).toMatchObject({
      tool_calls: [{ function: { arguments: '{"a": ' } }],
    })
  })

  const names = ['qwen3-2507-instruct', 'qwen3-2504', 'llama3.1', 'llama3.2', 'mistral-instruct-v0.3']
  it.skipIf(!goldensPresent).each(names)("of an OpenAI client are what %s's own form gives", (name) => {
    const source = readFileSync(goldenPath('chat', 'templates', `${name}.jinja`), 'utf8')
    const template = new ChatTemplate(source, { bos_token: '<s>', eos_token: '</s>' })
    const object = [ask, calling({ city: 'Paris', days: 3 }), answer]
    const text = [ask, calling('{"city": "Paris", "days": 3}'), answer]
    const now = new Date(0)
    const own = object.map((message) => ({ ...message, content: message.content ?? '' }))
    expect(template.render(adaptMessages(text, template), { now })).toBe(template.render(own, { now }))
    expect(template.render(adaptMessages(object, template), { now })).toBe(template.render(own, { now }))
  })
})
