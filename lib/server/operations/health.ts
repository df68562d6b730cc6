import { endpoint } from '../call.js'

/** Whether the process lives: where this does not answer, it is started anew. */
export const health = endpoint({
  method: 'get',
  path: '/health',
  summary: 'Whether the server is alive.',
  isOpen: true,
  handle: () => Response.json({ status: 'ok', server: 'quern' }),
})
