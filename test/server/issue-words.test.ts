import { afterAll, expect, test } from 'vitest'
import { createApp } from '../../lib/server/index.js'
import { json, post } from './requests.js'

const app = createApp({ models: { tiny: {} }, log: 'off' })
afterAll(() => app.close())

const messages = [{ role: 'user', content: 'hi' }]

test.each([
  [
    '/v1/chat/completions',
    { messages, max_token: 5 },
    "max_token: is no parameter of this request: did you mean 'max_tokens'?",
  ],
  [
    '/v1/chat/completions',
    { messages, maxTokens: 5 },
    "maxTokens: is no parameter of this request: did you mean 'max_tokens'?",
  ],
  ['/v1/chat/completions', { messages, colour: 5 }, 'colour: is no parameter of this request'],
  [
    '/v1/chat/completions',
    { messages, stream_options: { includeUsage: true } },
    "stream_options.includeUsage: is no parameter of this request: did you mean 'include_usage'?",
  ],
  [
    '/v1/messages',
    { messages, max_tokens: 5, stop_sequence: ['x'] },
    "stop_sequence: is no parameter of this request: did you mean 'stop_sequences'?",
  ],
  ['/v1/chat/completions', {}, 'messages: expected a list, got nothing'],
  ['/v1/chat/completions', [], 'the body: expected an object, got a list'],
  ['/v1/chat/completions', { messages, temperature: 3 }, 'temperature: expected at most 2, got 3'],
  ['/v1/chat/completions', { messages, temperature: 'warm' }, 'temperature: expected a number, got "warm"'],
  ['/v1/chat/completions', { messages, max_tokens: 1.5 }, 'max_tokens: expected a whole number, got 1.5'],
  ['/v1/chat/completions', { messages, max_tokens: 0 }, 'max_tokens: expected at least 1, got 0'],
  ['/v1/chat/completions', { messages, stream: 'yes' }, 'stream: expected true or false, got "yes"'],
  [
    '/v1/completions',
    { prompt: 5 },
    'prompt: expected a text, a list of texts, the ids of tokens or a list of lists of them, got 5',
  ],
  [
    '/v1/embeddings',
    { input: 'x', encoding_format: 'hex' },
    'encoding_format: expected float or base64, got "hex"',
  ],
  ['/v1/messages', { messages }, 'max_tokens: expected a number, got nothing'],
  ['/v1/rerank', { query: 'x', documents: [5] }, 'documents[0]: expected a text or an object, got 5'],
])('%s %j says what is wrong', async (path, body, message) => {
  expect((await json(post(app, path, body))).error.message).toBe(message)
})
