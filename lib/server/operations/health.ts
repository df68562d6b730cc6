import { z } from 'zod'
import { endpoint } from '../call.js'
import { expectNoOutage } from './outage.js'

/** Whether the process lives: where this fails or does not answer, it is started anew. */
export const health = endpoint({
  method: 'get',
  path: '/health',
  summary:
    'Whether the server is alive: not once a device has failed so that only a new process can use it, nor while one that failed again and again is left alone.',
  isOpen: true,
  answer: z.object({ status: z.literal('ok'), server: z.literal('quern') }),
  handle(_, { models }) {
    expectNoOutage(models)
    return Response.json({ status: 'ok', server: 'quern' })
  },
})
