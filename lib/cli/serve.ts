import { type Command, Option } from 'commander'
import type { LoadOptions, ModelInfo } from '../index.js'
import type { RunningServer, ServeOptions } from '../server/index.js'
import { demoNote, ProgressLine, warningLine } from './load-model.js'
import { addLoadFlags, decimal, loadOptions, type ModelFlags, whole } from './model-flags.js'
import { outputOf } from './output.js'
import { placeOf } from './place.js'
import { servedSources } from './served-sources.js'
import { untilEnded } from './until-ended.js'

interface Flags extends Omit<ModelFlags, 'model'> {
  model?: string[]
  port: number
  host: string
  apiKey?: string[]
  maxQueue?: number
  timeout?: number
  maxTokens?: number
  unloadAfter?: number
  allowedHost?: string[]
  cors?: string[]
  grace?: number
  page: boolean
  log?: 'json' | 'text' | 'off'
}

export function register(program: Command): void {
  const { err } = outputOf(program)
  const command = program.command('serve').description("serve OpenAI's API over HTTP")
  command.option(
    '--model <model>',
    'a folder, a model of the hub (org/name) or a random: id, or NAME=one of them; several are loaded when they are first asked for (default: the bundled model)',
    oneMore,
  )
  addLoadFlags(command)
    .option('--port <n>', 'the port to listen on', whole, 8080)
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option(
      '--api-key <key>',
      'a key that requests must bring, or one of several; also QUERN_API_KEY',
      oneMore,
    )
    .option('--max-queue <n>', 'requests that may wait; one more is refused (default: 4096)', whole)
    .option('--timeout <seconds>', 'that a request may take (default: as long as it takes)', decimal)
    .option('--max-tokens <n>', 'that a request may generate (default: what the context has room for)', whole)
    .option('--unload-after <seconds>', 'free models that nobody asked for so long', decimal)
    .option('--allowed-host <name>', 'a name by which requests may call the server', oneMore)
    .option('--cors <origin>', 'an origin whose web pages may use the server, or *', oneMore)
    .option('--no-page', 'without the page to chat in')
    .option('--grace <seconds>', 'that running requests have when the server ends (default: 30)', decimal)
    .addOption(
      new Option(
        '--log <format>',
        'a line for each request (default: text at a terminal, else json)',
      ).choices(['json', 'text', 'off']),
    )
    .action(async (flags: Flags) => {
      const { serve } = await import('../server/index.js')
      const { closing } = await import('../server/running-calls.js')
      const line = new ProgressLine(err)
      const loading = new AbortController()
      const warn = (message: string) => line.print(warningLine(message))
      const options = serveOptions(flags, {
        onWarning: warn,
        onProgress: (progress) => line.show(progress),
        signal: loading.signal,
      })
      const server = await serve({ ...options, onWarning: warn })
      await untilEnded({
        async begin() {
          const info = await preload(server, Object.keys(options.models).length)
          line.erase()
          err(greeting(server, options, info))
        },
        // Loading ends at once, and who waits for it is told; other requests have their time.
        async end(isHurried) {
          loading.abort(closing())
          line.erase()
          await server.close(isHurried ? { grace: 0 } : undefined)
        },
      })
    })
}

/** A model that is alone is loaded at once, so that what is wrong with it shows. */
async function preload(server: RunningServer, models: number): Promise<ModelInfo | undefined> {
  return models === 1 ? (await server.preload())[0] : undefined
}

function serveOptions(flags: Flags, more: LoadOptions): ServeOptions {
  const { port, host, timeout, maxTokens, maxQueue, unloadAfter, allowedHost, cors, grace } = flags
  const options = { ...loadOptions(flags), ...more, ...(maxQueue !== undefined && { maxQueue }) }
  const apiKeys = [
    ...(flags.apiKey ?? []),
    ...(process.env.QUERN_API_KEY ?? '').split(',').filter((key) => key !== ''),
  ]
  return {
    models: Object.fromEntries(
      [...servedSources(flags.model ?? [])].map(([name, source]) => [name, { source, options, unloadAfter }]),
    ),
    ...{ port, host, timeout, maxTokens, grace, cors },
    allowedHosts: allowedHost,
    apiKeys: apiKeys.length > 0 ? apiKeys : undefined,
    page: flags.page,
    log: flags.log ?? (process.stderr.isTTY ? 'text' : 'json'),
  }
}

/** Where it is, what it serves, and how to ask it. */
function greeting({ url }: RunningServer, { models, apiKeys, page }: ServeOptions, info?: ModelInfo): string {
  const names = Object.keys(models)
  const key = apiKeys === undefined ? '' : " -H 'Authorization: Bearer KEY'"
  const model = names.length === 1 ? '' : `"model": ${JSON.stringify(names[0])}, `
  const isDemo = names.length === 1 && Object.values(models).every((one) => 'options' in one && !one.source)
  return [
    ...(isDemo ? [demoNote] : []),
    `serving ${names.join(', ')} on ${url}, ${apiKeys === undefined ? 'without' : 'for those with'} an API key${info ? `; computed on ${placeOf(info)}` : ''}`,
    ...(page ? [`chat: open ${url}/ in a browser`] : []),
    `try: curl ${url}/v1/completions -H 'Content-Type: application/json'${key} -d '{${model}"prompt": "Once upon a time", "max_tokens": 64}'`,
    '',
  ].join('\n')
}

function oneMore(text: string, before: string[] = []): string[] {
  return [...before, text]
}
