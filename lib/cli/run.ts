import { Command, CommanderError } from 'commander'
import { QuernError } from '../index.js'
import { packageVersion } from '../package.js'
import { type Output, processOutput } from './output.js'

/** The commands, each in a file of its own that is loaded when it is asked for. */
const commands: Record<string, () => Promise<{ register(program: Command): void }>> = {
  generate: () => import('./generate.js'),
  chat: () => import('./chat.js'),
  serve: () => import('./serve.js'),
  batch: () => import('./batch.js'),
  embed: () => import('./embed.js'),
  score: () => import('./score.js'),
  inspect: () => import('./inspect.js'),
  bench: () => import('./bench/bench.js'),
  doctor: () => import('./doctor.js'),
  pull: () => import('./pull.js'),
}

/** Wrong usage, as opposed to a failure. */
const usageCodes: ReadonlySet<string> = new Set(['invalid_option', 'unsupported_option'])

/** Runs a command line without the program's name; gives the exit code: 0, 1 for a failure, 2 for wrong usage. */
export async function run(argv: readonly string[], output: Output = processOutput): Promise<number> {
  const program = new Command('quern')
    .description('Runs language models inside the process.')
    .version(packageVersion())
    .showHelpAfterError('(quern --help tells more)')
    .enablePositionalOptions() // bench serve has flags of the same names as bench
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: output.err })
  const asked = argv[0] !== undefined && Object.hasOwn(commands, argv[0]) ? commands[argv[0]] : undefined
  for (const load of asked ? [asked] : Object.values(commands)) (await load()).register(program)
  for (const command of program.commands)
    command.showHelpAfterError(`(quern ${command.name()} --help tells more)`)
  try {
    if (argv.length === 0) program.help({ error: true })
    await program.parseAsync(argv, { from: 'user' })
    return Number(process.exitCode ?? 0) // a command that was interrupted says so there
  } catch (error) {
    // commander has already said what was wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const isQuern = error instanceof QuernError
    const message = error instanceof Error ? error.message : String(error)
    output.err(`error: ${message} (${isQuern ? error.code : 'internal'})\n`)
    return isQuern && usageCodes.has(error.code) ? 2 : 1
  }
}
