import { QuernError } from '../errors.js'
import { quote } from '../files/quote.js'
import type { Architecture } from './architectures.js'
import type { Checkpoint } from './checkpoint.js'
import type { DecoderConfig, PlannedWeight, WeightDtype } from './plan.js'
import type { StoredDtype, StoredTensor } from './safetensors.js'
import { headSlot, type Slot, weightSlots } from './slots.js'

const weightDtypes: Partial<Record<StoredDtype, WeightDtype>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' }

/**
 * Finds a tensor for every slot. A tied model's one matrix may be stored under either name: programs that save shared tensors once keep the
 * first name by alphabet, `lm_head.weight`. Where both are there, the second is `spareHead`.
 *
 * @throws {QuernError} `missing_tensor`, `wrong_shape`, `wrong_dtype`, `unsupported_model`.
 */
export function planWeights(
  folder: string,
  architecture: Architecture,
  config: DecoderConfig,
  checkpoint: Checkpoint,
): { weights: PlannedWeight[]; spareHead: PlannedWeight | undefined } {
  const stored = (slot: Slot, name = tensorName(architecture, slot)) => {
    const found = checkpoint.find(name)
    return found && planWeight(checkpoint.files[found.file]?.path ?? folder, found, slot)
  }
  const { head } = architecture.tensors
  const weights: PlannedWeight[] = []
  for (const slot of weightSlots(config)) {
    const isShared = slot.kind === 'embed' && config.tiedEmbeddings
    const weight = stored(slot) ?? (isShared ? stored(slot, head) : undefined)
    if (weight === undefined) throw explainMissingTensor(folder, architecture, slot, checkpoint)
    weights.push(weight)
  }
  const hasBoth = config.tiedEmbeddings && checkpoint.find(architecture.tensors.embed) !== undefined
  return { weights, spareHead: hasBoth ? stored(headSlot(config)) : undefined }
}

function tensorName({ tensors }: Architecture, { kind, layer }: Slot): string {
  return tensors[kind].replace('{layer}', String(layer))
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
  const weightDtype = weightDtypes[dtype]
  if (weightDtype === undefined) {
    throw new QuernError(
      'wrong_dtype',
      `${path}: tensor ${quote(name)} is ${dtype}, expected F32, F16 or BF16`,
      { value: dtype },
    )
  }
  return weightDtype
}

function explainMissingTensor(
  folder: string,
  architecture: Architecture,
  slot: Slot,
  checkpoint: Checkpoint,
): QuernError {
  const bare = architecture.tensors.embed.replace(/^model\./, '')
  if (slot.kind === 'embed' && checkpoint.find(bare) !== undefined) {
    return new QuernError(
      'unsupported_model',
      `${folder}: an embedding model (${quote(bare)} without "model." before it): not supported yet, only models that generate text are`,
      { value: bare },
    )
  }
  const name = tensorName(architecture, slot)
  const place =
    checkpoint.files.length === 1 ? checkpoint.files[0]?.path : `${folder} (${checkpoint.files.length} files)`
  return new QuernError(
    'missing_tensor',
    `${place}: tensor ${quote(name)} is missing, config.json asks for it`,
    { value: name },
  )
}
