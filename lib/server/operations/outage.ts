import { ApiError } from '../api-error.js'
import type { ServedModels } from '../served-models.js'

/** @throws {ApiError} 503 where a model cannot be used until the process is started anew. */
export function expectNoOutage({ outage }: ServedModels): void {
  if (!outage) return
  const { code } = outage
  const message = `a model's device failed, and it cannot be loaded again (${code}): restart the process; its log says why`
  throw new ApiError(503, code, message)
}
