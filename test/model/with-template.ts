import { cp, readFile, writeFile } from 'node:fs/promises'
import { bundledModelPath } from '../../lib/checkpoint/bundled.js'

/** Makes of a folder the bundled model with another chat template, or with none. */
export async function makeWithTemplate(path: string, chatTemplate: string | undefined): Promise<string> {
  await cp(bundledModelPath(), path, { recursive: true })
  const config = JSON.parse(await readFile(`${path}/tokenizer_config.json`, 'utf8'))
  await writeFile(`${path}/tokenizer_config.json`, JSON.stringify({ ...config, chat_template: chatTemplate }))
  return path
}

/** One after which the model thinks. */
export const thinkingTemplate =
  '<|im_start|>user\n{{ messages[0].content }}<|im_end|>\n<|im_start|>assistant\n<think>\n{# ends with </think> #}'
