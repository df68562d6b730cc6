// Chat templates by name, in every place where transformers has put them. Which one counts is transformers' get_chat_template.
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'
import { readChatTemplates } from '../../lib/checkpoint/chat-templates.js'
import { inspect, load, type ToolDefinition } from '../../lib/index.js'
import { expectCode } from '../model/expect-code.js'
import { temporaryFolder } from '../model/temporary.js'

const temporary = temporaryFolder()
let made = 0

async function folderWith(files: Record<string, unknown>): Promise<string> {
  const path = temporary.join(`folder-${made++}`)
  for (const [name, content] of Object.entries(files)) {
    const file = `${path}/${name}`
    await mkdir(file.slice(0, file.lastIndexOf('/')), { recursive: true })
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
  }
  return path
}

const read = async (files: Record<string, unknown>) =>
  Object.fromEntries(await readChatTemplates(await folderWith({ 'config.json': {}, ...files })))
const configured = (chat_template: unknown) => ({ 'tokenizer_config.json': { chat_template } })

describe('readChatTemplates', () => {
  it.each([
    ['a text', configured('A'), { default: 'A' }],
    [
      'a list',
      configured([
        { name: 'default', template: 'A' },
        { name: 'tool_use', template: 'B' },
      ]),
      { default: 'A', tool_use: 'B' },
    ],
    ['an object', configured({ default: 'A', tool_use: 'B' }), { default: 'A', tool_use: 'B' }],
    [
      'a single one of another name',
      configured([{ name: 'chatml', template: 'A' }]),
      { chatml: 'A', default: 'A' },
    ],
    ['none', configured(null), {}],
    ['nonsense', configured([7, null, { name: 'default' }, { name: 3, template: 'A' }]), {}],
    ['a file', { 'chat_template.jinja': 'F' }, { default: 'F' }],
    ['a file of models that see', { 'chat_template.json': { chat_template: 'P' } }, { default: 'P' }],
    [
      'a file of models that see comes after the others',
      { ...configured('A'), 'chat_template.json': { chat_template: 'P' } },
      { default: 'A' },
    ],
    [
      'a file of models that see beside a config without any',
      { ...configured(null), 'chat_template.json': '{"chat_template":' },
      {},
    ],
    [
      'a file takes the place of the config',
      { ...configured({ default: 'A', tool_use: 'B' }), 'chat_template.jinja': 'F' },
      { default: 'F' },
    ],
    [
      'files of their own',
      {
        'chat_template.jinja': 'F',
        'additional_chat_templates/tool_use.jinja': 'T',
        'additional_chat_templates/x.txt': '',
      },
      { default: 'F', tool_use: 'T' },
    ],
    [
      'a file beside a text',
      { ...configured('A'), 'additional_chat_templates/tool_use.jinja': 'T' },
      { default: 'A', tool_use: 'T' },
    ],
    [
      'numbers that only Python knows',
      { 'tokenizer_config.json': '{"model_max_length": Infinity, "chat_template": "A"}' },
      { default: 'A' },
    ],
  ])('reads %s', async (_, files, expected) => {
    expect(await read(files)).toEqual(expected)
  })
})

describe('chat()', () => {
  const tool: ToolDefinition = {
    name: 'now',
    description: 'the time',
    parameters: { type: 'object', properties: {} },
  }
  const plain = '{% for m in messages %}{{ m.content }}{% endfor %}'

  async function modelWith(change: (own: string) => Record<string, unknown>) {
    const config = JSON.parse(await readFile(`${bundledModelPath()}/tokenizer_config.json`, 'utf8'))
    const path = await folderWith({})
    await cp(bundledModelPath(), path, { recursive: true })
    const chat_template = change(config.chat_template)
    await writeFile(`${path}/tokenizer_config.json`, JSON.stringify({ ...config, chat_template }))
    return load(path)
  }
  const promptTokens = async (model: Awaited<ReturnType<typeof load>>, options: object) =>
    (await model.chat('time?', { maxTokens: 1, ...options }).result()).usage.promptTokens

  it('takes tool_use where there are tools, default otherwise', async () => {
    const bundled = await load()
    const expected = await promptTokens(bundled, { tools: [tool] })
    await bundled.close()
    const model = await modelWith((own) => ({ default: plain, tool_use: own }))
    expect(await promptTokens(model, { tools: [tool] })).toBe(expected)
    const short = model.tokenizer.count('time?', { addSpecialTokens: false })
    expect(await promptTokens(model, {})).toBe(short)
    expect(model.chatTemplate.source).toBe(plain)
    await model.close()
  })

  it('takes default with tools where there is no tool_use', async () => {
    const model = await modelWith((own) => ({ default: own, rag: plain }))
    expect(await promptTokens(model, { tools: [tool] })).toBeGreaterThan(100)
    await model.close()
  })

  it('says which templates there are where none is for conversations', async () => {
    const model = await modelWith((own) => ({ rag: plain, tool_use: own }))
    const { message } = await expectCode(() => promptTokens(model, {}), 'no_chat_template')
    expect(message).toContain('rag, tool_use')
    expect(await promptTokens(model, { tools: [tool] })).toBeGreaterThan(100)
    expect((await inspect(model.info.source)).chatTemplate).toBe(true)
    await model.close()
  })
})
