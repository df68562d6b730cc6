import type { Command } from 'commander'
import { pull } from '../index.js'
import { formatBytes } from './bytes.js'
import { downloadBar, downloadLines } from './download-progress.js'
import { warningLine } from './load-model.js'
import { outputOf } from './output.js'

interface Flags {
  revision?: string
  cacheDir?: string
  json?: boolean
}

export function register(program: Command): void {
  const { out, err } = outputOf(program)
  program
    .command('pull')
    .description('download a model from the Hugging Face hub, or go on where it stopped')
    .argument('<model>', 'its id: org/name')
    .option('--revision <revision>', 'a branch, a tag or a commit', 'main')
    .option('--cache-dir <folder>', "where models are kept (default: Hugging Face's cache)")
    .option('--json', 'print one JSON object at the end')
    .action(async (id: string, { revision, cacheDir, json }: Flags) => {
      const progress = process.stderr.isTTY
        ? downloadBar(err, () => process.stderr.columns)
        : downloadLines(err)
      const interrupt = new AbortController()
      const onInterrupt = () => interrupt.abort(new Error('interrupted'))
      process.once('SIGINT', onInterrupt)
      try {
        const model = await pull(id, {
          ...(revision !== undefined && { revision }),
          ...(cacheDir !== undefined && { cacheDir }),
          onProgress: progress.show,
          onWarning: (message) => progress.print(warningLine(message)),
          signal: interrupt.signal,
        })
        progress.end()
        const { files, bytes, downloadedBytes, path } = model
        const came = downloadedBytes === 0 ? 'all were there' : `${formatBytes(downloadedBytes)} downloaded`
        if (json) out(`${JSON.stringify({ id, ...model }, null, 2)}\n`)
        else out(`${path}\n`)
        err(`${files.length} files, ${formatBytes(bytes)}, ${came}\n`)
      } catch (error) {
        progress.end()
        if (!interrupt.signal.aborted) throw error
        err('interrupted; the same command goes on from here\n')
        process.exitCode = 130
      } finally {
        process.off('SIGINT', onInterrupt)
      }
    })
}
