import { endpoint } from '../call.js'
import { tokenLimit } from '../token-limit.js'
import { completionAnswer } from './completion-answer.js'
import { CompletionJob } from './completion-job.js'
import { checkCompletionsRequest, completionsBody } from './completions-body.js'
import { answerHead, textAnswer } from './text-answer.js'

/** OpenAI's API generates so many tokens where none are asked for. */
const defaultTokens = 16

export const completions = endpoint({
  method: 'post',
  path: '/v1/completions',
  summary: 'Continues a text.',
  body: completionsBody,
  answer: completionAnswer,
  streams: true,
  async handle(request, call) {
    checkCompletionsRequest(request)
    const maxTokens = tokenLimit('max_tokens', request.max_tokens, call.settings, defaultTokens)
    const lease = await call.model(request.model)
    const head = { ...answerHead('cmpl', lease), object: 'text_completion' }
    const job = new CompletionJob(request, maxTokens ?? defaultTokens, lease.model, call)
    return textAnswer(job, request, { answer: head, event: head }, 'prompt', call)
  },
})
