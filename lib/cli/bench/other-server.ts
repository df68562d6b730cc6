import { Command } from 'commander'
import { QuernError } from '../../index.js'
import { addLoadFlags } from '../model-flags.js'

/** Throws for what was given beside --url and says how a model is loaded, which is done where the server is. */
export function refuseLoadFlags(command: Command): void {
  const given = addLoadFlags(new Command()).options.find(
    (option) => command.getOptionValueSource(option.attributeName()) === 'cli',
  )
  if (given === undefined) return
  throw new QuernError(
    'unsupported_option',
    `${given.long} is the matter of the server at --url, which has loaded its model: give it there, or leave out --url`,
  )
}

/**
 * The model to ask a server for: the one of that name, or else the one that it names first.
 *
 * @throws {QuernError} `cannot_connect` where nobody answers, `invalid_option` for what is no address, `invalid_input` where no model is known.
 */
export async function modelAt(url: string, name?: string, apiKey?: string): Promise<string> {
  if (!/^https?:$/.test(protocolOf(url)))
    throw new QuernError(
      'invalid_option',
      `--url: expected an address such as http://127.0.0.1:8080, got '${url}'`,
    )
  const response = await askForModels(url, apiKey)
  if (name !== undefined) return name
  const refuse = (what: string) =>
    new QuernError('invalid_input', `${url}/v1/models ${what}: name a model with --model`, { value: url })
  if (response.status === 401 || response.status === 403)
    throw new QuernError(
      'invalid_input',
      `${url}/v1/models answers ${response.status}: give its key with --api-key`,
    )
  if (!response.ok) throw refuse(`answers ${response.status}`)
  const list = (await response.json().catch(() => undefined)) as { data?: { id?: unknown }[] } | undefined
  const id = Array.isArray(list?.data) ? list.data[0]?.id : undefined
  if (typeof id !== 'string') throw refuse('names no model')
  return id
}

function protocolOf(url: string): string {
  try {
    return new URL(url).protocol
  } catch {
    return ''
  }
}

async function askForModels(url: string, apiKey: string | undefined): Promise<Response> {
  const headers = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }
  try {
    return await fetch(`${url}/v1/models`, { headers })
  } catch (error) {
    const { cause = error } = error as { cause?: unknown }
    const { message } = cause instanceof AggregateError ? cause.errors[0] : (cause as Error)
    throw new QuernError('cannot_connect', `no server answers at ${url}: ${message}`, {
      value: url,
      cause: error,
    })
  }
}
