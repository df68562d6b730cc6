import { join, relative } from 'node:path'
import type { DecoderConfig } from '../checkpoint/decoder-config.js'
import { explainHubFailure } from '../checkpoint/explain-source.js'
import { type ModelFolder, readFolder } from '../checkpoint/folder.js'
import type { LeftOut } from '../checkpoint/left-out.js'
import { type ModelPlan, type WeightDtype, weightBytes } from '../checkpoint/plan.js'
import { planModel } from '../checkpoint/plan-model.js'
import { checkHubOptions, fetchModelHeaders } from '../checkpoint/pull.js'
import { randomFiles } from '../checkpoint/random.js'
import { readSafetensorsHeader, type StoredTensor } from '../checkpoint/safetensors.js'
import { chooseRevision, resolveSource } from '../checkpoint/source.js'
import { QuernError } from '../errors.js'
import { checkCallback, checkSignal, invalidOption } from '../input/check-option.js'
import { takeOptions } from '../input/take-options.js'
import { dtypes } from '../native/constants.js'
import { type LoadedBytes, loadedBytes } from './loaded-bytes.js'

/**
 * A tensor of a model's files.
 *
 * @example
 * ```ts
 * const { tensors } = await inspect('./Qwen3-0.6B')
 * for (const { name, dtype, shape } of tensors) console.log(name, dtype, shape)
 * ```
 */
export interface TensorInfo {
  /** As it stands in the file; in a `random:` model, the name of its place in the plan. */
  name: string
  /** In lower case: 'bf16', 'f8_e4m3', 'i32' … */
  dtype: string
  /** Row-major. */
  shape: number[]
  bytes: number
}

/**
 * What a model's files hold, told by their headers.
 *
 * @example
 * ```ts
 * const { architecture, parameters, config }: ModelInspection = await inspect('./Qwen3-0.6B')
 * ```
 */
export interface ModelInspection {
  kind: 'folder' | 'safetensors' | 'random' | 'hub'
  /** Absolute; the id of a `random:` model; for a model of the hub the folder of the cache where it is, or would be. */
  path: string
  /** The commit, of a model of the hub. */
  revision?: string
  /** `model_type` of config.json: 'qwen3', 'qwen2', 'llama', 'mistral', 'phi3', 'qwen3_vl', 'mistral3'. Absent for a bare file. */
  architecture?: string
  /** Numbers that the model uses, a tied embedding counted once; in a bare file, all there are. */
  parameters: number
  /** Their bytes as stored. */
  weightBytes: number
  /** Bytes by type, of the weights that count in `weightBytes`. */
  dtypes: Record<string, number>
  /**
   * Bytes that the weights take in memory once they are loaded, for each `dtype` of load(); `auto` is as they are stored. Absent for a bare
   * file, and where there is no native binary for this platform.
   */
  loadedBytes?: LoadedBytes
  /** Absent for a bare file, like all that follows from it. */
  config?: DecoderConfig
  /** Tokens. */
  contextLength?: number
  /** Rows of the embedding; a tokenizer may know fewer tokens. */
  vocab?: number
  /** false: an embedding model, which has no output matrix. */
  generates?: boolean
  /** Tokens that end a reply. */
  stopTokens: number[]
  /** What a model that sees has for other things than text; absent where there is nothing. It is not loaded, and counts nowhere above. */
  leftOut?: LeftOut
  /** There is a tokenizer.json. */
  tokenizer: boolean
  /** There is a chat template. */
  chatTemplate: boolean
  /** All tensors of the files, those that the model does not use too. */
  tensors: TensorInfo[]
  /** Where the weights come from, for the native core. */
  plan?: ModelPlan
}

/**
 * What `inspect` may be told.
 *
 * @example
 * ```ts
 * const options: InspectOptions = { dtype: 'f16' }
 * const { weightBytes } = await inspect('random:qwen3-0.6b', options)
 * ```
 */
export interface InspectOptions {
  /** For `random:` models: the type of their weights. Default 'bf16'. */
  dtype?: WeightDtype | undefined
  /** Of a model of the hub: a branch, a tag or a commit. Default 'main'. */
  revision?: string | undefined
  /** Where models of the hub are kept. Default: the cache of Hugging Face's libraries, by HF_HUB_CACHE or HF_HOME. */
  cacheDir?: string | undefined
  /** Called when the hub cannot be asked and the cached copy is inspected. Default: `process.emitWarning`. */
  onWarning?: ((message: string) => void) | undefined
  /** Aborting it stops the requests to the hub. */
  signal?: AbortSignal | undefined
}

/**
 * Tells what a model holds, from its headers: a Hugging Face folder, a .safetensors file, the id of a model of the Hugging Face hub, or a
 * `random:` id. Nothing means the model that comes with quern. Of a model that is on the hub only, small files and the headers of the
 * weights are fetched. The weights are not read; a folder that `inspect` accepts has every tensor that its architecture needs, with
 * the right shape. Whether an output matrix that is stored beside a tied embedding is another one, only `load` looks.
 *
 * @param source A folder, a .safetensors file, a `file:` URL, `org/name`, or `random:qwen3-0.6b`, `random:qwen3-1.7b`, `random:qwen3-4b`, `random:mistral-7b`,
 * `random:phi3-mini`.
 * @throws {QuernError} what `pull` throws, `missing_file`, `read_error`, `unsupported_format`, `unsupported_model`, `invalid_config`, `invalid_input`,
 * `invalid_option`, `unsupported_option`, and for damaged files `truncated`, `header_too_large`, `invalid_header`, `duplicate_name`,
 * `unknown_dtype`, `invalid_offsets`, `overflow`, `size_mismatch`, `invalid_index`, `unsafe_path`, `missing_tensor`, `wrong_shape`,
 * `wrong_dtype`.
 * @example
 * ```ts
 * const { architecture, parameters, contextLength } = await inspect('./Qwen3-4B-Instruct-2507')
 * console.log(`${architecture}, ${(parameters / 1e9).toFixed(1)} billion parameters, ${contextLength} tokens`)
 * ```
 */
export async function inspect(source?: string | URL, options: InspectOptions = {}): Promise<ModelInspection> {
  const taken = takeInspectOptions(options)
  const found = await resolveSource(source)
  if (found.kind === 'random') return inspectRandom(found.id, taken)
  if (taken.dtype !== undefined) {
    throw new QuernError(
      'unsupported_option',
      'dtype is for random: models only; files say themselves what they hold',
      {
        value: taken.dtype,
      },
    )
  }
  const revision = chooseRevision(found, taken)
  if (found.kind === 'hub') return inspectHub(found.id, { ...taken, revision })
  return found.kind === 'folder' ? inspectFolder(await readFolder(found.path)) : inspectFile(found.path)
}

const known = ['dtype', 'revision', 'cacheDir', 'onWarning', 'signal']

function takeInspectOptions(given: InspectOptions): InspectOptions {
  const options = takeOptions('inspect', given, known, ['onWarning', 'signal'])
  const { dtype } = options
  if (dtype !== undefined && !dtypes.includes(dtype))
    throw invalidOption('dtype', `one of ${dtypes.join(', ')}`, dtype)
  checkCallback('onWarning', options.onWarning)
  checkSignal(options.signal)
  checkHubOptions(options)
  return options
}

/** Of a model that is not in the cache, the headers are fetched and no more. */
async function inspectHub(id: string, options: InspectOptions): Promise<ModelInspection> {
  const { folder, path, revision, remove } = await fetchModelHeaders(id, options).catch((error) => {
    throw explainHubFailure(error, id)
  })
  try {
    const { plan, ...inspection } = inspectFolder(await readFolder(folder))
    const atHome = plan && {
      ...plan,
      files: plan.files.map((file) => ({ ...file, path: join(path, relative(folder, file.path)) })),
    }
    return { ...inspection, ...(atHome && { plan: atHome }), kind: 'hub', path, revision }
  } finally {
    await remove()
  }
}

function inspectFolder(folder: ModelFolder): ModelInspection {
  const { plan, stopTokens, unused } = planModel(folder)
  const { leftOut } = unused
  return {
    kind: 'folder',
    path: folder.path,
    architecture: folder.config.architecture.modelType,
    ...describePlan(plan),
    stopTokens,
    ...(leftOut !== undefined && { leftOut }),
    tokenizer: folder.tokenizer !== undefined,
    chatTemplate: folder.chatTemplates.size > 0,
    tensors: folder.checkpoint.files.flatMap(({ tensors }) => [...tensors.values()].map(describeStored)),
  }
}

function inspectRandom(id: string, options: InspectOptions): ModelInspection {
  const files = randomFiles(id, options)
  const { plan, stopTokens } = planModel(files)
  return {
    kind: 'random',
    path: id,
    architecture: files.config.architecture.modelType,
    ...describePlan(plan),
    stopTokens,
    tokenizer: false,
    chatTemplate: false,
    tensors: plan.weights.map((weight) => ({
      name: weight.slot,
      dtype: weight.dtype,
      shape: 'constant' in weight.source ? [weight.cols] : [weight.rows, weight.cols],
      bytes: weightBytes(weight),
    })),
  }
}

async function inspectFile(path: string): Promise<ModelInspection> {
  const header = await readSafetensorsHeader(path)
  const tensors = [...header.tensors.values()].map(describeStored)
  const count = ({ shape }: TensorInfo) => shape.reduce((product, dimension) => product * dimension, 1)
  return {
    kind: 'safetensors',
    path,
    parameters: tensors.reduce((sum, tensor) => sum + count(tensor), 0),
    ...sumBytes(tensors),
    stopTokens: [],
    tokenizer: false,
    chatTemplate: false,
    tensors,
  }
}

function describePlan(plan: ModelPlan) {
  const { config, weights } = plan
  return {
    parameters: weights.reduce((sum, { rows, cols }) => sum + rows * cols, 0),
    ...sumBytes(weights.map((weight) => ({ dtype: weight.dtype, bytes: weightBytes(weight) }))),
    ...loadedBytes(plan),
    config,
    contextLength: config.contextLength,
    vocab: config.vocab,
    generates: plan.generates,
    plan,
  }
}

function sumBytes(tensors: { dtype: string; bytes: number }[]): {
  weightBytes: number
  dtypes: Record<string, number>
} {
  const dtypes: Record<string, number> = {}
  let weightBytes = 0
  for (const { dtype, bytes } of tensors) {
    dtypes[dtype] = (dtypes[dtype] ?? 0) + bytes
    weightBytes += bytes
  }
  return { weightBytes, dtypes }
}

function describeStored({ name, dtype, shape, bytes }: StoredTensor): TensorInfo {
  return { name, dtype: dtype.toLowerCase(), shape, bytes }
}
