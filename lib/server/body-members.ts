// Members of request bodies, as schemas: what may be left out, what is known and ignored, what is known and cannot be done, lists with an end.
import { z } from 'zod'

/** A member that may be left out or be null, which is the same. */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? undefined)
}

/** Which of the models is asked. */
export const modelName = optional(z.string().max(512))

/** A member that the API has and that changes nothing here: whatever it is, it is taken. */
export function ignored() {
  return z.unknown().optional().meta({ description: 'Taken and ignored.' })
}

/** A value that the API has others for, which cannot be done: they are refused as `unsupported`. */
export function only<Value extends string>(why: string, ...values: [Value, ...Value[]]) {
  return unlessRefused(why, values).meta({ enum: values })
}

/**
 * A member that the API has, that would change the answer, and that cannot be done: it is refused as `unsupported`.
 *
 * @param harmless Its values that ask for nothing, as JSON.
 */
export function refused(why: string, ...harmless: unknown[]) {
  const description = `Not supported: ${why}.`
  return unlessRefused(why, [null, ...harmless])
    .optional()
    .meta({ description, enum: [null, ...harmless] })
}

function unlessRefused(why: string, values: readonly unknown[]) {
  const taken = new Set(values.map((value) => JSON.stringify(value)))
  return z.unknown().superRefine((value, context) => {
    if (value === undefined || taken.has(JSON.stringify(value))) return
    context.addIssue({ code: 'custom', message: why, params: { code: 'unsupported' } })
  })
}

/** A list; one that is too long is looked at no further. */
export function list<Item extends z.ZodType>(item: Item, most: number, least = 0) {
  const whole = z.array(item).min(least, `expected ${least} at least`).max(most)
  return z.preprocess((value, context) => {
    if (!Array.isArray(value) || value.length <= most) return value
    context.addIssue({ code: 'custom', message: `expected at most ${most}, got ${value.length}` })
    return z.NEVER
  }, whole)
}
