import { z } from 'zod'
import { ApiError } from '../api-error.js'
import { endpoint } from '../call.js'
import { expectNoOutage } from './outage.js'

/** Whether requests may come: a load balancer sends none where this fails. */
export const ready = endpoint({
  method: 'get',
  path: '/ready',
  summary:
    'Whether the server takes requests: not while it loads its first model, while it ends, or where /health fails.',
  isOpen: true,
  answer: z.object({ status: z.literal('ready') }),
  handle(_, call) {
    call.running.expectOpen()
    if (call.models.isPreloading) throw new ApiError(503, 'loading', 'the models are being loaded')
    expectNoOutage(call.models)
    return Response.json({ status: 'ready' })
  },
})
