import { QuernError } from '../errors.js'
import { quote } from '../files/quote.js'
import { dtypes } from '../native/constants.js'
import type { Architecture } from './architectures.js'
import type { Checkpoint } from './checkpoint.js'
import type { DecoderConfig, PlannedWeight, WeightDtype } from './plan.js'
import type { StoredTensor } from './safetensors.js'
import { headSlot, type Slot, weightSlots } from './slots.js'

/** What a checkpoint's tensors make of a config. */
export interface WeightPlan {
  config: DecoderConfig
  weights: PlannedWeight[]
  /** An output matrix that is stored although config.json ties it to the embedding. */
  spareHead: PlannedWeight | undefined
  /** false: an embedding model. */
  generates: boolean
}

/**
 * Finds a tensor for every slot. A tied model's one matrix may be stored under either name: programs that save shared tensors once keep the
 * first name by alphabet, `lm_head.weight`. Where both are there, the second is `spareHead`.
 *
 * An embedding model is saved from the layers on: names have no prefix, and there is no head, whatever config.json says of one.
 *
 * @throws {QuernError} `missing_tensor`, `wrong_shape`, `wrong_dtype`.
 */
export function planWeights(
  folder: string,
  architecture: Architecture,
  stated: DecoderConfig,
  checkpoint: Checkpoint,
): WeightPlan {
  const { prefix, tensors } = architecture
  const isBare = !checkpoint.find(prefix + tensors.embed) && checkpoint.find(tensors.embed) !== undefined
  const generates = !isBare || checkpoint.find(tensors.head) !== undefined
  const config = generates ? stated : { ...stated, tiedEmbeddings: true }
  const nameOf = ({ kind, layer }: Slot) =>
    (isBare || kind === 'head' ? '' : prefix) + tensors[kind].replace('{layer}', String(layer))
  const stored = (slot: Slot, name = nameOf(slot)) => {
    const found = checkpoint.find(name)
    return found && planWeight(checkpoint.files[found.file]?.path ?? folder, found, slot)
  }
  const weights: PlannedWeight[] = []
  let isEmbedStored = true
  for (const slot of weightSlots(config)) {
    const own = stored(slot)
    if (slot.kind === 'embed') isEmbedStored = own !== undefined
    const isShared = slot.kind === 'embed' && config.tiedEmbeddings
    const weight = own ?? (isShared ? stored(slot, tensors.head) : undefined)
    if (weight === undefined) throw missingTensor(folder, nameOf(slot), checkpoint)
    weights.push(weight)
  }
  const hasBoth = config.tiedEmbeddings && isEmbedStored
  return { config, weights, spareHead: hasBoth ? stored(headSlot(config)) : undefined, generates }
}

function planWeight(
  path: string,
  { file, tensor }: { file: number; tensor: StoredTensor },
  slot: Slot,
): PlannedWeight {
  const dtype = checkTensor(path, tensor, slot)
  return {
    slot: slot.slot,
    dtype,
    rows: slot.rows,
    cols: slot.cols,
    source: { file, offset: tensor.offset },
  }
}

function checkTensor(
  path: string,
  { name, dtype, shape }: StoredTensor,
  { rows, cols, vector }: Slot,
): WeightDtype {
  const expected = vector ? [cols] : [rows, cols]
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

function missingTensor(folder: string, name: string, checkpoint: Checkpoint): QuernError {
  const place =
    checkpoint.files.length === 1 ? checkpoint.files[0]?.path : `${folder} (${checkpoint.files.length} files)`
  return new QuernError(
    'missing_tensor',
    `${place}: tensor ${quote(name)} is missing, config.json asks for it`,
    { value: name },
  )
}
