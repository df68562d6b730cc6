import { z } from 'zod'
import { endpoint } from '../call.js'

/** Whether the process lives: where this does not answer, it is started anew. */
export const health = endpoint({
  method: 'get',
  path: '/health',
  summary: 'Whether the server is alive.',
  isOpen: true,
  answer: z.object({ status: z.literal('ok'), server: z.literal('quern') }),
  handle: () => Response.json({ status: 'ok', server: 'quern' }),
})
