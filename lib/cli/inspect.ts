import type { Command } from 'commander'
import { inspect, type ModelInspection, planText, QuernError } from '../index.js'
import { formatBytes } from './bytes.js'
import { warningLine } from './load-model.js'
import { outputOf } from './output.js'

interface Flags {
  model?: string
  json?: boolean
  plan?: boolean
  revision?: string
  cacheDir?: string
}

export function register(program: Command): void {
  const { out: write, err } = outputOf(program)
  program
    .command('inspect')
    .description('tell what a model holds, from its headers alone')
    .argument(
      '[model]',
      'a folder, a .safetensors file, a model of the hub (org/name) or a random: id (default: the bundled model)',
    )
    .option('--model <model>', 'the same as the argument')
    .option('--revision <revision>', 'of a model of the hub: branch, tag or commit (default: main)')
    .option('--cache-dir <folder>', "where models of the hub are kept (default: Hugging Face's cache)")
    .option('--json', 'print everything as one JSON object')
    .option('--plan', 'print where every weight comes from, as the native core reads it')
    .action(async (argument: string | undefined, flags: Flags) => {
      if (flags.json && flags.plan)
        throw new QuernError('invalid_option', '--json and --plan exclude each other')
      if (argument !== undefined && flags.model !== undefined) {
        throw new QuernError('invalid_option', 'the model is named twice, as an argument and with --model')
      }
      const { plan, ...model } = await inspect(argument ?? flags.model, {
        ...(flags.revision !== undefined && { revision: flags.revision }),
        ...(flags.cacheDir !== undefined && { cacheDir: flags.cacheDir }),
        onWarning: (message) => err(warningLine(message)),
      })
      if (flags.json) return write(`${JSON.stringify(model, null, 2)}\n`)
      if (!flags.plan) return write(describe(model))
      if (plan === undefined) {
        throw new QuernError('invalid_input', `${model.path}: a bare file has no plan, its folder has`, {
          value: model.path,
        })
      }
      write(planText(plan))
    })
}

function describe(model: ModelInspection): string {
  const { config } = model
  const rows: [string, string | undefined][] = [
    ['path', model.path],
    ['revision', model.revision],
    ['architecture', model.architecture],
    ['parameters', model.parameters.toLocaleString('en')],
    ['weights', `${formatBytes(model.weightBytes)} (${Object.keys(model.dtypes).join(', ') || 'none'})`],
    ['in memory', model.loadedBytes && describeLoaded(model.loadedBytes)],
    ['left out', model.leftOut && describeLeftOut(model.leftOut)],
    ...(config ? layerRows(config) : []),
    ['context', config && `${config.contextLength.toLocaleString('en')} tokens`],
    ['vocabulary', model.vocab?.toLocaleString('en')],
    ['generates', config && (model.generates ? 'yes' : 'no, it embeds')],
    ['stop tokens', config && (model.stopTokens.join(', ') || 'none')],
    ['tokenizer', config && (model.tokenizer ? 'yes' : 'no')],
    ['chat template', config && (model.chatTemplate ? 'yes' : 'no')],
    ['tensors', String(model.tensors.length)],
  ]
  const lines = rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(14)} ${value}`)
  // A bare file has nothing else to tell; a model's tensors follow from its shape.
  if (!config)
    for (const { name, dtype, shape } of model.tensors) lines.push(`  ${name} ${dtype} [${shape.join(', ')}]`)
  return `${lines.join('\n')}\n`
}

/** With each --dtype. */
function describeLoaded({ auto: _, ...byDtype }: NonNullable<ModelInspection['loadedBytes']>): string {
  return Object.entries(byDtype)
    .map(([dtype, bytes]) => `${dtype} ${formatBytes(bytes)}`)
    .join(', ')
}

function describeLeftOut({ tensors, bytes }: NonNullable<ModelInspection['leftOut']>): string {
  return `${tensors} ${tensors === 1 ? 'tensor' : 'tensors'} for other things than text, ${formatBytes(bytes)}`
}

type Config = NonNullable<ModelInspection['config']>

function layerRows({ layers, ropes, hidden }: Config): [string, string | undefined][] {
  const ofLayers = (describe: (layer: Config['layers'][number]) => string | number) =>
    [...new Set(layers.map(describe))].join('; ')
  const windowed = layers.filter(({ mixer }) => mixer.window > 0)
  const headDim = Math.max(...layers.map(({ mixer }) => mixer.headDim))
  const windows = [...new Set(windowed.map(({ mixer }) => mixer.window))].join(', ')
  return [
    ['layers', `${layers.length} × ${hidden}, feed-forward ${ofLayers(({ ffn }) => ffn.width)}`],
    [
      'heads',
      ofLayers(
        ({ mixer }) => `${mixer.heads} for ${mixer.kvHeads} of keys and values, ${mixer.headDim} wide`,
      ),
    ],
    ['window', windows && `${windows} tokens, in ${windowed.length} of ${layers.length} layers`],
    ['positions', ofLayers(({ mixer }) => describeEncoding(mixer))],
    ['rotary', ropes.map((rope) => describeRope(rope, headDim)).join('; ')],
  ].map(([name, value]) => [name as string, value || undefined])
}

/** As `--position-encoding` names it. */
function describeEncoding({ rope, alibi }: Config['layers'][number]['mixer']): string {
  return [...(rope >= 0 ? ['rope'] : []), ...(alibi ? ['alibi'] : [])].join('+') || 'none'
}

function describeRope({ theta, dim, scaling }: Config['ropes'][number], headDim: number): string {
  return `theta ${theta}${dim === headDim ? '' : `, ${dim} of each head's ${headDim} numbers`}${scaling.type === 'none' ? '' : `, ${scaling.type} × ${scaling.factor}`}`
}
