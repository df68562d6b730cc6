import { endpoint } from '../call.js'

const textFormat = 'text/plain; version=0.0.4; charset=utf-8'

export const metrics = endpoint({
  method: 'get',
  path: '/metrics',
  summary: "What the server has done and how busy it is, in Prometheus's text format, under vLLM's names.",
  answerType: textFormat,
  handle: (_, call) =>
    new Response(call.metrics.text(call.models), { headers: { 'Content-Type': textFormat } }),
})
