import type { ModelPlan } from '../checkpoint/plan.js'
import { planText } from '../checkpoint/plan-text.js'
import { QuernError } from '../errors.js'
import type { Requests } from '../generation/requests.js'
import type { NativeModel, NativeRows } from '../native/binding.js'
import { callNative, fromNative } from '../native/call-native.js'
import { native } from '../native/load-binding.js'
import { onAbort } from '../on-abort.js'
import type { ChosenDevice } from './choose-device.js'
import { defaultMaxQueue, type LoadOptions } from './load-options.js'

/** What the engine is told: options that were taken, and what load() made of them. */
export interface NativeLoadOptions extends LoadOptions {
  /** Tokens that one step computes at most. */
  stepRows: number
  /** Where the answers arrive. */
  requests: Requests
}

/** A cache beyond all memory of where the model is to run is a slip: it is told before weights are read, and before gigabytes of bookkeeping. */
function expectMemory({ name, memoryBytes }: ChosenDevice, { kvCache }: LoadOptions): void {
  const [wanted, all] = [kvCache?.maxBytes ?? 0, memoryBytes ?? Number.POSITIVE_INFINITY]
  if (wanted <= all) return
  throw new QuernError(
    'out_of_memory',
    `kvCache.maxBytes (--kv-cache): expected at most the ${all} bytes of memory that ${name} has, got ${wanted}: take less`,
    { value: wanted },
  )
}

/** Reads the weights to where the model will run. */
export async function loadNative(
  plan: ModelPlan,
  device: ChosenDevice,
  options: NativeLoadOptions,
): Promise<NativeModel> {
  expectMemory(device, options)
  const { onProgress, signal, requests } = options
  let failure: { reason: unknown } | undefined // what onProgress threw
  const report = (loadedBytes: number, totalBytes: number) => {
    try {
      if (failure === undefined && !signal?.aborted) onProgress?.({ phase: 'load', loadedBytes, totalBytes })
    } catch (reason) {
      failure = { reason }
      loading.abort()
    }
  }
  const loading = callNative(() =>
    native().loadModel(planText(plan), {
      dtype: options.dtype ?? 'auto',
      exact: options.precision === 'exact',
      threads: options.threads ?? 0,
      isa: options.isa ?? 'auto',
      deviceLibrary: device.library,
      deviceIndex: device.index,
      contextLength: options.contextLength ?? 0,
      sinks: options.attentionSinks?.sinks ?? 0,
      window: options.attentionSinks?.window ?? 0,
      kvBytes: options.kvCache?.maxBytes ?? 0,
      stepRows: options.stepRows,
      maxQueue: options.maxQueue ?? defaultMaxQueue,
      onProgress: onProgress && report,
      onRows: deliverTo(requests),
    }),
  )
  const unlisten = signal && onAbort(signal, () => loading.abort())
  try {
    const handle = await loading.promise
    if (signal?.aborted || failure) await handle.close().freed
    signal?.throwIfAborted()
    if (failure) throw failure.reason
    return handle
  } catch (error) {
    if (failure) throw failure.reason
    throw signal?.aborted ? signal.reason : fromNative(error)
  } finally {
    unlisten?.()
  }
}

/** Made outside of loadNative: a closure there would hold its variables, with them the handle, and no model could ever be collected. */
function deliverTo(requests: Requests): (...rows: NativeRows) => void {
  return (...rows) => requests.deliver(...rows)
}
