import { endpoint } from '../call.js'

export const listModels = endpoint({
  method: 'get',
  path: '/v1/models',
  summary: 'The models that are served.',
  handle(_, call) {
    const data = call.models
      .all()
      .map(({ name, created }) => ({ id: name, object: 'model', created, owned_by: 'quern' }))
    return Response.json({ object: 'list', data })
  },
})
