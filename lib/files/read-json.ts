import { parseJsonPieces } from './json.js'
import { JsonError, type JsonOptions, type JsonValue } from './json-value.js'
import { readPieces, withFile } from './read-file.js'

/**
 * Reads a JSON file without ever holding the event loop for long or its text in memory.
 *
 * @throws {JsonError} where it is no JSON, or beyond the limits.
 * @throws {QuernError} `missing_file`, `read_error`, `truncated`, `unsupported_format`.
 */
export async function readJson(
  path: string,
  options: JsonOptions & { maxBytes: number },
): Promise<JsonValue> {
  return withFile(path, (file) => {
    if (file.bytes > options.maxBytes)
      throw new JsonError('too_large', `${file.bytes} bytes, at most ${options.maxBytes} are read`)
    return parseJsonPieces(readPieces(file), options)
  })
}
