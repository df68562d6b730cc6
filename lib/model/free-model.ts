import { callNative } from '../native/call-native.js'
import type { TaskTarget } from '../tasks/task-target.js'
import type { ModelParts } from './model-info.js'

/** Ends what runs, and resolves when the memory of a model is given back: another one may want it, of a GPU above all. */
export async function freeModel({ handle, requests }: ModelParts, target: TaskTarget): Promise<void> {
  const { rows, freed } = callNative(() => handle.close())
  requests.deliver(...rows)
  target.nativeTokenizer?.forget()
  await freed
}
