import { endpoint } from '../call.js'
import { tokenLimit } from '../token-limit.js'
import { chatAnswer } from './chat-answer.js'
import { chatBody, checkChatRequest } from './chat-body.js'
import { ChatJob } from './chat-job.js'
import { answerHead, textAnswer } from './text-answer.js'

export const chatCompletions = endpoint({
  method: 'post',
  path: '/v1/chat/completions',
  summary: 'Answers a conversation.',
  body: chatBody,
  answer: chatAnswer,
  streams: true,
  async handle(request, call) {
    checkChatRequest(request)
    const { max_completion_tokens: newer, max_tokens: older } = request
    const param = newer === undefined ? 'max_tokens' : 'max_completion_tokens'
    const maxTokens = tokenLimit(param, newer ?? older, call.settings)
    const lease = await call.model(request.model)
    const head = answerHead('chatcmpl', lease)
    const heads = {
      answer: { ...head, object: 'chat.completion' },
      event: { ...head, object: 'chat.completion.chunk' },
    }
    return textAnswer(new ChatJob(request, maxTokens, lease.model, call), request, heads, 'messages', call)
  },
})
