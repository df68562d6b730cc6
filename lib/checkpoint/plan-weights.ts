import { QuernError } from '../errors.js'
import { quote } from '../files/quote.js'
import { dtypes } from '../native/constants.js'
import type { DecoderConfig } from './decoder-config.js'
import type { FoundTensor, ModelFiles } from './model-files.js'
import type { PlannedWeight, WeightDtype, WeightSource } from './plan.js'
import { headSlot, type Slot, weightSlots } from './slots.js'
import { findNames, type StoredPlace, storedPlace } from './stored-tensors.js'

/** What a checkpoint's tensors make of a config. */
export interface WeightPlan {
  config: DecoderConfig
  weights: PlannedWeight[]
  /** An output matrix that is stored although config.json ties it to the embedding. */
  spareHead: PlannedWeight | undefined
  /** false: an embedding model. */
  generates: boolean
  /** Names of the tensors that the others are made of. */
  used: ReadonlySet<string>
  /** What names of the decoder begin with. */
  prefix: string
}

/**
 * Finds a tensor for every slot. A tied model's one matrix may be stored under either name: programs that save shared tensors once keep the
 * first name by alphabet, `lm_head.weight`. Where both are there, the second is `spareHead`.
 *
 * An embedding model is saved from the layers on: names have no prefix, and there is no head, whatever config.json says of one.
 *
 * @throws {QuernError} `missing_tensor`, `wrong_shape`, `wrong_dtype`.
 */
export function planWeights(model: ModelFiles): WeightPlan {
  const { architecture, decoder: stated } = model.config
  const names = findNames(architecture, (name) => model.find(name) !== undefined)
  const generates = names.prefix !== '' || model.find(names.head) !== undefined
  const config = generates ? stated : { ...stated, tiedEmbeddings: true }
  const used = new Set<string>()
  const placeOf = (slot: Slot) => storedPlace(architecture, config, slot, names)
  const stored = (slot: Slot, place = placeOf(slot)) => {
    const found = model.find(place.name)
    if (found === undefined) return undefined
    used.add(place.name)
    return planWeight(model, found, slot, place)
  }
  const weights: PlannedWeight[] = []
  let isEmbedStored = true
  for (const slot of weightSlots(config)) {
    const own = stored(slot)
    if (slot.kind === 'embed') isEmbedStored = own !== undefined
    const isShared = slot.kind === 'embed' && config.tiedEmbeddings
    const weight = own ?? (isShared ? stored(slot, { ...placeOf(slot), name: names.head }) : undefined)
    if (weight === undefined) throw missingTensor(model, placeOf(slot).name)
    weights.push(weight)
  }
  const hasBoth = config.tiedEmbeddings && isEmbedStored
  const spareHead = hasBoth ? stored(headSlot(config)) : undefined
  return { config, weights, spareHead, generates, used, prefix: names.prefix }
}

function planWeight(
  { files, path }: ModelFiles,
  tensor: FoundTensor,
  { slot, rows, cols }: Slot,
  place: StoredPlace,
): PlannedWeight {
  const { source } = tensor
  const file = 'file' in source ? files[source.file]?.path : undefined
  const dtype = checkTensor(file ?? path, tensor, place.shape)
  const isPart = place.shape.length === 2 && place.shape[0] !== rows
  return { slot, dtype, rows, cols, source: isPart ? cutOut(source, dtype, place.first, rows) : source }
}

/** Rows of a tensor that other weights share. What is made up needs no cutting: every slot has its own numbers. */
function cutOut(source: WeightSource, dtype: WeightDtype, first: number, count: number): WeightSource {
  return 'file' in source ? { parts: [{ dtype, ...source, rows: { first, count, stride: 1 } }] } : source
}

function checkTensor(
  path: string,
  { name, dtype, shape }: FoundTensor,
  expected: readonly number[],
): WeightDtype {
  if (shape.length !== expected.length || shape.some((dimension, i) => dimension !== expected[i])) {
    throw new QuernError(
      'wrong_shape',
      `${path}: tensor ${quote(name)} has the shape ${quote(shape)}, config.json asks for ${quote(expected)}`,
      { value: shape },
    )
  }
  const weightDtype = dtypes.find((one) => storedName(one) === dtype)
  if (weightDtype === undefined) {
    throw new QuernError(
      'wrong_dtype',
      `${path}: tensor ${quote(name)} is ${dtype}, expected one of ${dtypes.map(storedName).join(', ')}`,
      { value: dtype },
    )
  }
  return weightDtype
}

/** What safetensors calls it. */
function storedName(dtype: WeightDtype): string {
  return dtype.toUpperCase()
}

function missingTensor({ files, path }: ModelFiles, name: string): QuernError {
  const place = files.length === 1 ? files[0]?.path : `${path} (${files.length} files)`
  return new QuernError(
    'missing_tensor',
    `${place}: tensor ${quote(name)} is missing, config.json asks for it`,
    { value: name },
  )
}
