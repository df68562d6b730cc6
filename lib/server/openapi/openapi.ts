import { type Endpoint, endpoint } from '../call.js'
import { openApiDocument } from './document.js'

/** Tells what these endpoints are, itself among them. */
export function openApi(endpoints: readonly Endpoint[]): Endpoint {
  let text: string | undefined
  const own: Endpoint = endpoint({
    method: 'get',
    path: '/openapi.json',
    summary: 'What is served, as an OpenAPI document.',
    handle() {
      text ??= JSON.stringify(openApiDocument([...endpoints, own]))
      return new Response(text, { headers: { 'Content-Type': 'application/json' } })
    },
  })
  return own
}
