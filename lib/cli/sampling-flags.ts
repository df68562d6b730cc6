import type { Command } from 'commander'
import type { GenerateOptions, SamplerName } from '../index.js'
import { decimal, whole } from './model-flags.js'

/** The flags that are options of generate() by the same name. */
const optionNames = [
  'maxTokens',
  'temperature',
  'topK',
  'topP',
  'minP',
  'typicalP',
  'topNSigma',
  'repetitionPenalty',
  'frequencyPenalty',
  'presencePenalty',
  'samplers',
  'seed',
  'stop',
] as const

/** The flags that every command has which generates text. */
export type SamplingFlags = Pick<GenerateOptions, (typeof optionNames)[number]>

/** Adds them to a command. */
export function addSamplingFlags(command: Command): Command {
  return command
    .option('--max-tokens <n>', 'tokens to generate at most (default: what the context holds)', whole)
    .option('--temperature <t>', '0 always takes the likeliest token', decimal)
    .option('--top-k <n>', 'sample among the likeliest tokens; 0: all', whole)
    .option('--top-p <p>', 'sample among the likeliest tokens up to this probability; 1: all', decimal)
    .option(
      '--min-p <p>',
      'sample among tokens at least this share as likely as the likeliest; 0: all',
      decimal,
    )
    .option('--typical-p <p>', 'sample among the tokens nearest to the average surprise; 1: all', decimal)
    .option('--top-n-sigma <n>', 'sample among logits this many standard deviations from the top', decimal)
    .option('--repetition-penalty <r>', 'make tokens that occur already less likely; 1: off', decimal)
    .option('--frequency-penalty <f>', 'subtract this for each time that a token was generated', decimal)
    .option('--presence-penalty <p>', 'subtract this if a token was generated', decimal)
    .option('--samplers <names>', 'the order of the steps, for example topK,topP,temperature', names)
    .option('--seed <n>', 'makes sampling repeatable', whole)
    .option('--stop <text>', 'end before this text; may be given several times', collect)
}

/** What generate() makes of them. */
export function samplingOptions(flags: SamplingFlags): GenerateOptions {
  return Object.fromEntries(
    Object.entries(flags).filter(
      ([name, value]) => (optionNames as readonly string[]).includes(name) && value !== undefined,
    ),
  )
}

/** generate() checks the names. */
function names(text: string): SamplerName[] {
  return text.split(',') as SamplerName[]
}

function collect(text: string, before: string[] = []): string[] {
  return [...before, text]
}
