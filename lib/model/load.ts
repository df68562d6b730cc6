import { explainHubFailure } from '../checkpoint/explain-source.js'
import { unusedMessages } from '../checkpoint/left-out.js'
import { openFiles } from '../checkpoint/open-files.js'
import type { ModelPlan } from '../checkpoint/plan.js'
import { planModel } from '../checkpoint/plan-model.js'
import { fetchModel, type PullProgress } from '../checkpoint/pull.js'
import { chooseRevision, resolveSource } from '../checkpoint/source.js'
import { resolveTiedHead } from '../checkpoint/tied-head.js'
import { Requests } from '../generation/requests.js'
import type { HubLimits } from '../hub/limits.js'
import { invalidOption } from '../input/check-option.js'
import { dtypes } from '../native/constants.js'
import { Tokenizer } from '../tokenizer/tokenizer.js'
import { resolveSinks } from './attention-sinks.js'
import { expectDevice, takeDevice } from './choose-device.js'
import { loadNative } from './load-native.js'
import { defaultMaxQueue, type LoadOptions, takeLoadOptions } from './load-options.js'
import { Model } from './model.js'
import type { ModelParts } from './model-info.js'

/** What load() needs to know before it reads weights. */
type Prepared = Pick<
  ModelParts,
  'source' | 'architecture' | 'plan' | 'defaults' | 'stopTokens' | 'tokenizer' | 'chatTemplates'
>

/** Beyond the public options; for tests. */
export interface LoadInternals {
  /** Tokens that one step computes at most. Results do not depend on it. */
  stepRows?: number
  /** How hard to try to reach the hub. */
  hub?: Partial<HubLimits>
}

/**
 * Loads a model: a Hugging Face folder with safetensors, by its path or `file:` URL; the id of a model of the Hugging Face hub, `org/name`
 * (or the address of its page), which is downloaded as `pull` does unless there is a folder of that name; or `random:qwen3-0.6b`, `random:qwen3-1.7b`, `random:qwen3-4b`,
 * `random:mistral-7b`, `random:phi3-mini` (the real shape with made-up weights and no tokenizer, for measuring). Nothing means the small model that comes with quern.
 *
 * @throws {QuernError} what `pull` throws, what `inspect` throws for files, `unsupported_option`, `invalid_option`, `invalid_tokenizer`,
 * `unsupported_tokenizer`, `out_of_memory`, `kv_cache_too_small`, `no_device`, `device_mismatch`, `device_failed`, `native_binding`; or the reason of an aborted signal.
 * @example
 * ```ts
 * const model = await load('./Qwen3-0.6B', { onProgress: ({ loadedBytes, totalBytes }) => console.log(loadedBytes / totalBytes) })
 * console.log(await model.generate('Once upon a time').text())
 * await model.close()
 * ```
 */
export async function load(source?: string | URL, options: LoadOptions = {}): Promise<Model> {
  return loadModel(source, options, {})
}

/** load() with what tests may set besides. */
export async function loadModel(
  source: string | URL | undefined,
  given: LoadOptions,
  internals: LoadInternals,
): Promise<Model> {
  const options = takeLoadOptions(given)
  await expectDevice(options)
  options.signal?.throwIfAborted()
  const prepared = await prepare(source, options, internals)
  checkContext(prepared.plan, options)
  const { config } = prepared.plan
  const attentionSinks = resolveSinks(options, config, options.contextLength ?? config.contextLength)
  const onWarning = options.onWarning ?? defaultWarning
  const requests = new Requests()
  const stepRows = internals.stepRows ?? 512
  const nativeOptions = { ...options, attentionSinks, stepRows, requests }
  const { handle, device } = await takeDevice(prepared.plan, options, onWarning, async (device) => {
    options.signal?.throwIfAborted()
    return { handle: await loadNative(prepared.plan, device, nativeOptions), device }
  })
  return new Model({
    ...prepared,
    handle,
    deviceIndex: device.index,
    requests,
    attentionSinks,
    maxQueue: options.maxQueue ?? defaultMaxQueue,
    precision: options.precision ?? 'fast',
    dtype: options.dtype ?? 'auto',
    onWarning,
  })
}

const defaultWarning = (message: string) => process.emitWarning(message)

async function prepare(
  source: string | URL | undefined,
  options: LoadOptions,
  internals: LoadInternals,
): Promise<Prepared> {
  const found = await resolveSource(source)
  const revision = chooseRevision(found, options)
  const files = await openFiles(found, {
    config: { positionEncoding: options.positionEncoding },
    random: { dtype: dtypes.find((dtype) => dtype === options.dtype) }, // what is quantized is made as always, then rounded
    download: (id) => download(id, { ...options, revision }, internals),
  })
  const planned = planModel(files)
  const warn = options.onWarning ?? defaultWarning
  for (const message of unusedMessages(files.path, planned.unused)) warn(message)
  const wantsTokenizer = options.tokenizer !== false && files.tokenizer !== undefined
  return {
    source: files.name,
    architecture: files.config.architecture.modelType,
    plan: await resolveTiedHead(files.path, planned, warn, options.signal),
    defaults: files.generation.defaults,
    stopTokens: planned.stopTokens,
    tokenizer: wantsTokenizer ? await Tokenizer.fromFile(files.path) : undefined,
    chatTemplates: files.chatTemplates,
  }
}

/** Gives the folder of a model of the hub. */
async function download(
  id: string,
  { revision, cacheDir, onProgress, onWarning, signal }: LoadOptions,
  { hub }: LoadInternals,
): Promise<string> {
  const options = {
    ...(revision !== undefined && { revision }),
    ...(cacheDir !== undefined && { cacheDir }),
    ...(onWarning !== undefined && { onWarning }),
    ...(signal !== undefined && { signal }),
    ...(onProgress !== undefined && {
      onProgress: ({ loadedBytes, totalBytes }: PullProgress) =>
        onProgress({ phase: 'download', loadedBytes, totalBytes }),
    }),
  }
  try {
    return (await fetchModel(id, options, hub)).path
  } catch (error) {
    throw explainHubFailure(error, id)
  }
}

/** Positions beyond the trained ones are meaningless, unless the angles adapt to the sequence's length. */
function checkContext({ config }: ModelPlan, { contextLength }: LoadOptions): void {
  if (
    contextLength === undefined ||
    contextLength <= config.contextLength ||
    config.ropes.some(({ scaling }) => scaling.type === 'dynamic')
  )
    return
  throw invalidOption(
    'contextLength',
    `at most ${config.contextLength}, the model's own limit`,
    contextLength,
  )
}
