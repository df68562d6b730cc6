// Checkpoints as embedding models have them: names without a prefix, no head.
import { packTensors, type RawTensor, tinyCheckpoint } from '../model/edit-checkpoint.js'

const bareName = (name: string) => name.replace(/^model\./, '')

/** The tiny checkpoint, with the names of an embedding model. */
export function bareCheckpoint(): ReturnType<typeof tinyCheckpoint> {
  const { tensors, config } = tinyCheckpoint()
  return { config, tensors: new Map([...tensors].map(([name, tensor]) => [bareName(name), tensor])) }
}

/** A file of tensors with bare names, and others beside them. */
export function packedBare(
  tensors: ReadonlyMap<string, RawTensor>,
  more: readonly (readonly [string, RawTensor])[] = [],
): Buffer {
  return packTensors([...[...tensors].map(([name, tensor]) => [bareName(name), tensor] as const), ...more])
}
