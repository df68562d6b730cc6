import { z } from 'zod'
import { ignored, modelName, optional } from '../body-members.js'

/** Continuations that one request may ask for, of all its prompts together: as many as are computed at a time. */
export const mostChoices = 256

/** What both endpoints for text have beside sampling. */
export const sharedParams = {
  model: modelName,
  n: optional(z.int().min(1).max(mostChoices)),
  stream: optional(z.boolean()),
  stream_options: optional(
    z.strictObject({ include_usage: optional(z.boolean()), include_obfuscation: ignored() }),
  ),
  user: ignored(),
  metadata: ignored(),
  store: ignored(),
  service_tier: ignored(),
  safety_identifier: ignored(),
  prompt_cache_key: ignored(),
  prompt_cache_retention: ignored(),
}
