import { cp, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const bundled = fileURLToPath(new URL('../models/tiny', import.meta.url))
const template = `{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}<|im_start|>assistant
{% if enable_thinking is not defined or enable_thinking %}<think>
{% endif %}{# ends with </think> #}`

/** Writes a model whose template opens a thought: all that it writes is reasoning, unless `enable_thinking` is false. */
export async function makeThinker(folder: string): Promise<string> {
  await cp(bundled, folder, { recursive: true })
  const path = `${folder}/tokenizer_config.json`
  const config = JSON.parse(await readFile(path, 'utf8')) as object
  await writeFile(path, JSON.stringify({ ...config, chat_template: template }))
  return folder
}
