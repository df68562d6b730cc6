import type { Command } from 'commander'
import { addModelFlags, loadOptions, type ModelFlags, whole } from './model-flags.js'
import { outputOf } from './output.js'

interface Flags extends ModelFlags {
  port: number
  host: string
}

export function register(program: Command): void {
  const { err } = outputOf(program)
  const command = program.command('serve').description("serve OpenAI's API over HTTP")
  addModelFlags(command)
    .option('--port <n>', 'the port to listen on', whole, 8080)
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .action(async ({ port, host, ...flags }: Flags) => {
      const { serve } = await import('../server/index.js')
      const models = { [flags.model ?? 'bundled']: { source: flags.model, options: loadOptions(flags) } }
      const server = await serve({ models, port, host })
      err(`serving on ${server.url}\n`)
      await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
      await server.close()
    })
}
