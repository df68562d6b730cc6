import { type Command, InvalidArgumentError, Option } from 'commander'
import type { LoadOptions } from '../index.js'
import { byteCount } from './bytes.js'

/** The flags that every command with a model has. */
export interface ModelFlags {
  model?: string
  device?: LoadOptions['device']
  dtype?: NonNullable<LoadOptions['dtype']>
  threads?: number
  isa?: NonNullable<LoadOptions['isa']>
  precision?: NonNullable<LoadOptions['precision']>
  positionEncoding?: NonNullable<LoadOptions['positionEncoding']>
  context?: number
  contextOverflow?: NonNullable<LoadOptions['contextOverflow']>
  attentionSinks?: NonNullable<LoadOptions['attentionSinks']>
  kvCache?: number
  revision?: string
  cacheDir?: string
}

/** Adds them to a command. */
export function addModelFlags(command: Command): Command {
  return addLoadFlags(
    command.option(
      '--model <model>',
      'a folder, a model of the hub (org/name) or a random: id (default: the bundled model)',
    ),
  )
}

/** Adds those that say how a model is loaded. */
export function addLoadFlags(command: Command): Command {
  return command
    .option('--revision <revision>', 'of a model of the hub: branch, tag or commit (default: main)')
    .option('--cache-dir <folder>', "where models of the hub are kept (default: Hugging Face's cache)")
    .option('--device <device>', 'where to compute: auto, cpu, cuda or cuda:N', 'auto')
    .option('--dtype <dtype>', 'convert the weights: auto, f32, f16, bf16, int8 or int4', 'auto')
    .option('--precision <precision>', 'fast or exact (float32 activations, keys and values)', 'fast')
    .option(
      '--position-encoding <encoding>',
      'rope, alibi or rope+alibi, for models that were trained with it (default: as config.json has it)',
    )
    .option('--threads <n>', 'threads that compute (default: all)', whole)
    .option('--context <n>', "tokens of prompt and answer together (default: the model's limit)", whole)
    .option('--context-overflow <how>', 'what then: error, or sink to go on without an end (default: error)')
    .option('--attention-sinks <sinks,window>', 'the first and the last tokens that are seen then', sinks)
    .option(
      '--kv-cache <bytes>',
      'memory for keys and values, as in 2GB (default: one full context; on a GPU up to eight)',
      byteCount,
    )
    .addOption(
      new Option(
        '--isa <name>',
        'the instruction set: baseline, avx2, avx_vnni, avx512, avx512_vnni',
      ).default('auto'),
    )
}

/** What load() makes of them. */
export function loadOptions(flags: Omit<ModelFlags, 'model'>): LoadOptions {
  const { device, dtype, threads, isa, precision, positionEncoding, context, revision, cacheDir } = flags
  const { contextOverflow, attentionSinks, kvCache } = flags
  return {
    ...(device !== undefined && { device }),
    ...(dtype !== undefined && { dtype }),
    ...(threads !== undefined && { threads }),
    ...(isa !== undefined && { isa }),
    ...(precision !== undefined && { precision }),
    ...(positionEncoding !== undefined && { positionEncoding }),
    ...(context !== undefined && { contextLength: context }),
    ...(contextOverflow !== undefined && { contextOverflow }),
    ...(attentionSinks !== undefined && { attentionSinks }),
    ...(kvCache !== undefined && { kvCache: { maxBytes: kvCache } }),
    ...(revision !== undefined && { revision }),
    ...(cacheDir !== undefined && { cacheDir }),
  }
}

/** A flag's whole number; ranges are load()'s and generate()'s to check. */
export function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number, 0 or more')
  return Number(text)
}

/** Two whole numbers: `4,1020`. */
function sinks(text: string): NonNullable<LoadOptions['attentionSinks']> {
  const [first, last, ...more] = text.split(',')
  if (first === undefined || last === undefined || more.length > 0)
    throw new InvalidArgumentError('expected two whole numbers, as in 4,1020')
  return { sinks: whole(first), window: whole(last) }
}

/** A flag's number. */
export function decimal(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number')
  return value
}
