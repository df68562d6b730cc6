import type { ServedModels } from '../served-models.js'

/** @throws {ApiError} 503 where a model cannot be used: until the process is started anew, or for now. */
export function expectNoOutage({ outage }: ServedModels): void {
  if (outage) throw outage
}
