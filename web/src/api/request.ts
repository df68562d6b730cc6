import { apiKey } from './api-key.ts'
import { Failure, failureOf } from './failure.ts'

/** A request to the server that the page came from; paths are relative to the page's own. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const key = apiKey()
  const headers = { ...init.headers, ...(key !== '' && { Authorization: `Bearer ${key}` }) }
  let response: Response
  try {
    response = await fetch(new URL(path, document.baseURI), { ...init, headers, cache: 'no-store' })
  } catch (error) {
    if (init.signal?.aborted) throw init.signal.reason
    throw new Failure('unreachable', error instanceof Error ? error.message : String(error))
  }
  if (!response.ok) throw await failureOf(response)
  return response
}
