import type { Command } from 'commander'
import type { GenerateOptions } from '../index.js'
import { decimal, whole } from './model-flags.js'

/** The flags that every command has which generates text. */
export interface SamplingFlags {
  maxTokens?: number
  temperature?: number
  topK?: number
  topP?: number
  minP?: number
  seed?: number
  stop?: string[]
}

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
    .option('--seed <n>', 'makes sampling repeatable', whole)
    .option('--stop <text>', 'end before this text; may be given several times', collect)
}

/** What generate() makes of them. */
export function samplingOptions(flags: SamplingFlags): GenerateOptions {
  const { maxTokens, temperature, topK, topP, minP, seed, stop } = flags
  const given = { maxTokens, temperature, topK, topP, minP, seed, stop }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function collect(text: string, before: string[] = []): string[] {
  return [...before, text]
}
