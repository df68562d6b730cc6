import { endpoint } from '../call.js'

/** Whether the process lives: a load balancer restarts it where this does not answer. */
export const health = endpoint({
  method: 'get',
  path: '/health',
  summary: 'Whether the server is alive.',
  handle: () => Response.json({ status: 'ok' }),
})
