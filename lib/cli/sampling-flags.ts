import type { Command } from 'commander'
import type { GenerateOptions, SamplerName } from '../index.js'
import { decimal, whole } from './model-flags.js'

/** A flag that is an option of generate() by the same name: what stands behind it, what it does, and how its text is read. */
interface SamplingFlag {
  value: string
  help: string
  parse(text: string, before?: never): unknown
}

/** Those that every command has which generates text, and that /set takes. generate() checks their ranges. */
export const samplingFlags = {
  maxTokens: {
    value: 'n',
    help: 'tokens to generate at most (default: what the context holds)',
    parse: whole,
  },
  temperature: { value: 't', help: '0 always takes the likeliest token', parse: decimal },
  topK: { value: 'n', help: 'sample among the likeliest tokens; 0: all', parse: whole },
  topP: {
    value: 'p',
    help: 'sample among the likeliest tokens up to this probability; 1: all',
    parse: decimal,
  },
  minP: {
    value: 'p',
    help: 'sample among tokens at least this share as likely as the likeliest; 0: all',
    parse: decimal,
  },
  typicalP: {
    value: 'p',
    help: 'sample among the tokens nearest to the average surprise; 1: all',
    parse: decimal,
  },
  topNSigma: {
    value: 'n',
    help: 'sample among logits this many standard deviations from the top',
    parse: decimal,
  },
  repetitionPenalty: {
    value: 'r',
    help: 'make tokens that occur already less likely; 1: off',
    parse: decimal,
  },
  frequencyPenalty: {
    value: 'f',
    help: 'subtract this for each time that a token was generated',
    parse: decimal,
  },
  presencePenalty: { value: 'p', help: 'subtract this if a token was generated', parse: decimal },
  samplers: {
    value: 'names',
    help: 'the order of the steps, for example topK,topP,temperature',
    parse: (text) => text.split(',') as SamplerName[],
  },
  seed: { value: 'n', help: 'makes sampling repeatable', parse: whole },
  stop: {
    value: 'text',
    help: 'end before this text; may be given several times',
    parse: (text, before: string[] = []) => [...before, text],
  },
} as const satisfies Partial<Record<keyof GenerateOptions, SamplingFlag>>

export type SamplingFlags = Pick<GenerateOptions, keyof typeof samplingFlags>

/** Adds them to a command. */
export function addSamplingFlags(command: Command): Command {
  for (const [name, { value, help, parse }] of Object.entries(samplingFlags))
    command.option(`--${dashed(name)} <${value}>`, help, parse as (text: string) => unknown)
  return command
}

/** What generate() makes of them. */
export function samplingOptions(flags: SamplingFlags): SamplingFlags {
  return Object.fromEntries(
    Object.entries(flags).filter(
      ([name, value]) => Object.hasOwn(samplingFlags, name) && value !== undefined,
    ),
  )
}

/** The option that a name means, spelt as in the program or as on the command line. */
export function samplingName(text: string): keyof SamplingFlags | undefined {
  const names = Object.keys(samplingFlags) as (keyof SamplingFlags)[]
  return names.find((name) => [name, dashed(name)].includes(text.replaceAll('_', '-')))
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
