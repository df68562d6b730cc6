import { z } from 'zod'
import { packageVersion } from '../../package.js'
import type { Endpoint } from '../call.js'

type JsonSchema = Record<string, unknown>

/** Bodies of errors, as the APIs have them. */
const errors = {
  openai: z.object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  }),
  anthropic: z.object({
    type: z.literal('error'),
    error: z.object({ type: z.string(), message: z.string() }),
    request_id: z.string(),
  }),
} as const satisfies Record<Endpoint['dialect'], z.ZodType>

/** What these endpoints are, as an OpenAPI document. */
export function openApiDocument(endpoints: readonly Endpoint[]) {
  const paths: Record<string, Record<string, object>> = {}
  for (const row of endpoints) {
    const path = row.path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')
    paths[path] = { ...paths[path], [row.method]: operation(row, path) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'quern',
      version: packageVersion(),
      description:
        'Language models inside a Node.js process, behind the APIs of OpenAI, Anthropic and vLLM. Keys are asked for where the server was given any.',
    },
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(errors).map(([name, schema]) => [errorName(name), answerSchema(schema)]),
      ),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
    },
    security: [{}, { bearer: [] }, { apiKey: [] }],
  }
}

function operation(row: Endpoint, path: string) {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
  return {
    operationId: `${row.method} ${path}`.replace(/\W+/g, '_'),
    summary: row.summary,
    ...(names.length > 0 && {
      parameters: names.map((name) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string', minLength: 1 },
      })),
    }),
    ...(row.body && {
      requestBody: { required: true, content: { 'application/json': { schema: bodySchema(row.body) } } },
    }),
    responses: {
      200: { description: 'The answer.', content: answerContent(row) },
      '4XX': failure('The request cannot be answered as it is.', row),
      '5XX': failure('The server cannot answer now, or at all.', row),
    },
    ...(row.isOpen && { security: [] }),
  }
}

function answerContent({ answer, answerType = 'application/json', streams }: Endpoint) {
  const isJson = answerType === 'application/json'
  return {
    [answerType]: { schema: answer ? answerSchema(answer) : isJson ? {} : { type: 'string' } },
    ...(streams && { 'text/event-stream': { schema: { type: 'string' } } }),
  }
}

function failure(description: string, { dialect }: Endpoint) {
  const schema = { $ref: `#/components/schemas/${errorName(dialect)}` }
  return { description, content: { 'application/json': { schema } } }
}

function errorName(dialect: string): string {
  return `${dialect}_error`
}

/** What is taken, before anything is made of it. */
function bodySchema(schema: z.ZodType): JsonSchema {
  return plain(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override: sayWhatIsRequired }))
}

/** Zod takes each member for optional that is looked at before it is checked; what fails without a value is none. */
function sayWhatIsRequired({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodType
  jsonSchema: z.core.JSONSchema.BaseSchema
}): void {
  if (!(zodSchema instanceof z.ZodObject)) return
  const required = Object.entries<z.ZodType>(zodSchema.shape).flatMap(([name, member]) =>
    member.safeParse(undefined).success ? [] : [name],
  )
  if (required.length > 0) jsonSchema.required = required
}

function answerSchema(schema: z.ZodType): JsonSchema {
  return plain(z.toJSONSchema(schema, { io: 'output' }))
}

/** Within a document that says which JSON Schema is meant. */
function plain({ $schema: _, ...schema }: JsonSchema): JsonSchema {
  return schema
}
