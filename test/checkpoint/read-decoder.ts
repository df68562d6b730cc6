// What config.json says, from a value instead of a file.
import { readConfig } from '../../lib/checkpoint/config.js'
import type { DecoderConfig } from '../../lib/checkpoint/decoder-config.js'
import { Fields } from '../../lib/checkpoint/fields.js'
import { type JsonObject, parseJson } from '../../lib/files/json.js'

export const fields = (value: unknown): Fields =>
  new Fields(parseJson(new TextEncoder().encode(JSON.stringify(value))) as JsonObject, 'config.json')

export const decoder = (value: unknown): DecoderConfig => readConfig(fields(value)).decoder

/** What every config has to say. */
export const minimal = {
  hidden_size: 512,
  intermediate_size: 1024,
  num_hidden_layers: 2,
  num_attention_heads: 32,
  vocab_size: 1000,
}
