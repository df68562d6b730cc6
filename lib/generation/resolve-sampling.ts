import { QuernError } from '../errors.js'
import type { GenerationDefaults } from '../generation-defaults.js'
import { checkMembers, checkNames, checkNumber, invalidOption } from '../input/check-option.js'
import type { Range } from '../input/range.js'
import type { NativeTokenizer } from '../native/binding.js'
import { callNative } from '../native/call-native.js'
import { samplers as samplerNames } from '../native/constants.js'
import type { NativeSampling } from '../native/sampling.js'
import type {
  DryOptions,
  MirostatOptions,
  SamplerName,
  SamplingOptions,
  XtcOptions,
} from './sampling-options.js'

/** The steps whose option is one number. */
type Scalar = Exclude<SamplerName, 'logitBias' | 'dry' | 'xtc' | 'mirostat'>

const share: Range = { min: 0, max: 1 }
const finite: Range = { min: -1e6, max: 1e6 }
const tokenId: Range = { min: 0, max: 2 ** 31 - 1, integer: true }

const scalarRanges: Record<Scalar, Range> = {
  temperature: { min: 0, max: 1e6 },
  topK: tokenId,
  topP: share,
  minP: share,
  typicalP: share,
  topNSigma: finite,
  repetitionPenalty: { min: 1e-6, max: 1e6 },
  frequencyPenalty: finite,
  presencePenalty: finite,
}

/** Whether a scalar would do nothing. */
const isOff: Record<Scalar, (value: number) => boolean> = {
  temperature: (value) => value === 1,
  topK: (value) => value === 0,
  topP: (value) => value === 1,
  minP: (value) => value === 0,
  typicalP: (value) => value === 1,
  topNSigma: (value) => value <= 0,
  repetitionPenalty: (value) => value === 1,
  frequencyPenalty: (value) => value === 0,
  presencePenalty: (value) => value === 0,
}

const filters = ['topK', 'topP', 'minP', 'typicalP'] as const
const usualBreakers = ['\n', ':', '"', '*']

/** What resolveSampling() reads. */
export const samplingOptionNames: readonly string[] = [...samplerNames, 'samplers']

/** Checks options that were taken and fills in the model's defaults. */
export function resolveSampling(
  options: SamplingOptions,
  defaults: GenerationDefaults,
  tokenizer: NativeTokenizer | undefined,
): Omit<NativeSampling, 'topLogprobs'> {
  for (const [name, range] of Object.entries(scalarRanges)) checkNumber(name, options[name as Scalar], range)
  const mirostat = resolveMirostat(options.mirostat)
  const own: GenerationDefaults = { ...defaults }
  if (mirostat.version !== 0) for (const name of filters) delete own[name]
  const biases = resolveBiases(options.logitBias)
  const resolved = {
    temperature: options.temperature ?? own.temperature,
    topK: options.topK ?? own.topK ?? 0,
    topP: options.topP ?? own.topP ?? 1,
    minP: options.minP ?? own.minP ?? 0,
    typicalP: options.typicalP ?? own.typicalP ?? 1,
    topNSigma: options.topNSigma ?? 0,
    repetitionPenalty: options.repetitionPenalty ?? own.repetitionPenalty ?? 1,
    frequencyPenalty: options.frequencyPenalty ?? 0,
    presencePenalty: options.presencePenalty ?? 0,
    biasedTokens: Int32Array.from(biases, ([token]) => token),
    biases: Float32Array.from(biases, ([, bias]) => bias),
    xtc: resolveXtc(options.xtc),
    dry: resolveDry(options.dry, tokenizer),
    mirostat,
  }
  return { ...resolved, samplers: resolveSamplers(options, resolved) }
}

function resolveBiases(biases: unknown): [number, number][] {
  if (biases === undefined) return []
  if (typeof biases !== 'object' || biases === null || Array.isArray(biases))
    throw invalidOption('logitBias', 'an object from token ids to numbers', biases)
  return Object.entries(biases).map(([key, bias]) => {
    const token = Number(key)
    if (!/^\d+$/.test(key) || token > tokenId.max)
      throw invalidOption('logitBias', 'token ids as keys, whole numbers', key)
    if (typeof bias !== 'number' || !Number.isFinite(bias) || bias > finite.max)
      throw invalidOption(`logitBias[${key}]`, `a finite number, at most ${finite.max}`, bias)
    return [token, bias]
  })
}

function resolveXtc(xtc: XtcOptions | undefined): NativeSampling['xtc'] {
  if (xtc === undefined) return { probability: 0, threshold: 0 }
  checkMembers('xtc', xtc, ['probability', 'threshold'])
  checkRequired('xtc.probability', xtc.probability, share)
  checkNumber('xtc.threshold', xtc.threshold, share)
  return { probability: xtc.probability, threshold: xtc.threshold ?? 0.1 }
}

function resolveDry(dry: DryOptions | undefined, tokenizer?: NativeTokenizer): NativeSampling['dry'] {
  if (dry === undefined) return { multiplier: 0, base: 1, allowedLength: 1, penaltyLastN: 0, breakers: [] }
  checkMembers('dry', dry, ['multiplier', 'base', 'allowedLength', 'penaltyLastN', 'breakers'])
  checkRequired('dry.multiplier', dry.multiplier, { min: 0, max: 1e6 })
  checkNumber('dry.base', dry.base, { min: 1, max: 1e6 })
  checkNumber('dry.allowedLength', dry.allowedLength, { min: 1, max: 2 ** 31 - 1, integer: true })
  checkNumber('dry.penaltyLastN', dry.penaltyLastN, { min: -1, max: 2 ** 31 - 1, integer: true })
  const breakers = dry.breakers ?? (tokenizer === undefined ? [] : usualBreakers)
  if (!Array.isArray(breakers))
    throw invalidOption('dry.breakers', 'an array of texts or arrays of token ids', breakers)
  return {
    multiplier: dry.multiplier,
    base: dry.base ?? 1.75,
    allowedLength: dry.allowedLength ?? 2,
    penaltyLastN: dry.penaltyLastN ?? -1,
    breakers: breakers.map((breaker, index) => breakerTokens(breaker, index, tokenizer)),
  }
}

function breakerTokens(breaker: unknown, index: number, tokenizer?: NativeTokenizer): Int32Array {
  const name = `dry.breakers[${index}]`
  if (typeof breaker === 'string' && breaker !== '') {
    if (tokenizer === undefined) {
      throw new QuernError('no_tokenizer', `${name}: a text needs a tokenizer; give token ids instead`, {
        value: breaker,
      })
    }
    return callNative(() => tokenizer.encode(breaker, false))
  }
  if (!Array.isArray(breaker) || breaker.length === 0)
    throw invalidOption(name, 'a text or an array of token ids, not empty', breaker)
  for (const token of breaker) checkRequired(name, token, tokenId)
  return Int32Array.from(breaker)
}

function resolveMirostat(mirostat: MirostatOptions | undefined): NativeSampling['mirostat'] {
  if (mirostat === undefined) return { version: 0, tau: 0, eta: 0, mu: 0 }
  checkMembers('mirostat', mirostat, ['version', 'tau', 'eta', 'mu'])
  const { version = 2, tau = 5, eta = 0.1, mu = 2 * tau } = mirostat
  if (version !== 1 && version !== 2) throw invalidOption('mirostat.version', '1 or 2', version)
  checkNumber('mirostat.tau', tau, { min: 0, max: 1e6 })
  checkNumber('mirostat.eta', eta, { min: 0, max: 1e6 })
  checkNumber('mirostat.mu', mirostat.mu, finite)
  return { version, tau, eta, mu }
}

/** The order that was asked for. What is given must have a place in it. */
function resolveSamplers(
  options: SamplingOptions,
  { xtc, dry, mirostat }: Pick<NativeSampling, 'xtc' | 'dry' | 'mirostat'>,
): readonly SamplerName[] {
  const { samplers } = options
  if (samplers === undefined) return []
  checkNames('samplers', samplers, samplerNames)
  if (new Set(samplers).size < samplers.length) throw invalidOption('samplers', 'each name once', samplers)
  if (samplers.includes('mirostat') && samplers.at(-1) !== 'mirostat')
    throw invalidOption('samplers', "'mirostat' last, since it draws the token", samplers)
  const isOn = (name: SamplerName): boolean => {
    if (name === 'logitBias') return Object.keys(options.logitBias ?? {}).length > 0
    if (name === 'dry') return dry.multiplier !== 0
    if (name === 'xtc') return xtc.probability !== 0
    if (name === 'mirostat') return mirostat.version !== 0
    const value = options[name]
    return value !== undefined && !isOff[name](value)
  }
  for (const name of samplerNames) {
    if (isOn(name) && !samplers.includes(name))
      throw invalidOption('samplers', `'${name}' among them, since that option is given`, samplers)
  }
  return samplers
}

function checkRequired(name: string, value: unknown, range: Range): void {
  if (value === undefined) throw invalidOption(name, 'a number', value)
  checkNumber(name, value, range)
}
