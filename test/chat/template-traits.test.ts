import { describe, expect, test } from 'vitest'
import { ChatTemplate } from '../../lib/chat/chat-template.js'
import { reasoningOf, toolCallFormat } from '../../lib/chat/template-traits.js'
import { goldenPath, goldensPresent, readText, requireGoldens } from '../golden.js'

const question = [{ role: 'user' as const, content: 'Hello' }]

test('a template of its own', () => {
  const template = new ChatTemplate('{% if tools %}<tool_call>{% endif %}{{ messages[0].content }}')
  expect(toolCallFormat(template)).toBe('hermes')
  expect(reasoningOf(template, 'Hello')).toBe('none')
})

test('a message that is continued decides by what it holds', () => {
  const template = new ChatTemplate('{{ messages[0].content }}{# </think> #}')
  const reasoning = (content: string) => reasoningOf(template, content, { role: 'assistant', content })
  expect(reasoning('<think>\nI began to thi')).toBe('open')
  expect(reasoning('<think>a</think>The')).toBe('possible')
  expect(reasoning('The')).toBe('possible')
})

requireGoldens()
describe.runIf(goldensPresent)('known templates', () => {
  test.each([
    ['qwen3-2504', 'hermes', 'possible'],
    ['qwen3-2507-instruct', 'hermes', 'none'],
    ['qwen3-2507-thinking', 'hermes', 'open'],
    ['llama3.1', 'llama3-json', 'none'],
    ['llama3.2', 'llama3-json', 'none'],
    ['mistral-instruct-v0.3', 'mistral', 'none'],
    ['mistral-instruct-v0.1', undefined, 'none'],
    ['llama3', undefined, 'none'],
    ['llama3-first-upload', undefined, 'none'],
    ['phi3-mini', undefined, 'none'],
    ['smollm2', undefined, 'none'],
  ])('%s', (name, format, reasoning) => {
    const template = new ChatTemplate(readText(goldenPath('chat', 'templates', `${name}.jinja`)), {
      bos_token: '<s>',
      eos_token: '</s>',
    })
    expect(toolCallFormat(template)).toBe(format)
    expect(reasoningOf(template, template.render(question, { addGenerationPrompt: true }))).toBe(reasoning)
  })

  test('thinking that a variable turns off', () => {
    const template = new ChatTemplate(readText(goldenPath('chat', 'templates', 'qwen3-2504.jinja')))
    const prompt = template.render(question, { addGenerationPrompt: true, enable_thinking: false })
    expect(prompt).toMatch(/<think>\n\n<\/think>\n\n$/)
    expect(reasoningOf(template, prompt)).toBe('possible')
  })
})
