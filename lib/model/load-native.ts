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
import { weightBytes } from './loaded-bytes.js'

/** What the engine is told: options that were taken, and what load() made of them. */
export interface NativeLoadOptions extends LoadOptions {
  /** Tokens that one step computes at most. */
  stepRows: number
  /** Where the answers arrive. */
  requests: Requests
}

/**
 * What is beyond all memory of where the model is to run is told before weights are read, and before gigabytes of bookkeeping: a cache, and on
 * a GPU, which unlike a machine has nothing to swap to, the weights.
 */
function expectMemory(plan: ModelPlan, device: ChosenDevice, { dtype, kvCache }: LoadOptions): void {
  const { library, name, memoryBytes: all } = device
  if (all === undefined) return
  const cache = kvCache?.maxBytes ?? 0
  const refuse = (what: string, wanted: number, got: string) =>
    new QuernError(
      'out_of_memory',
      `${what}: expected at most the ${all} bytes of memory that ${name} has, got ${got}`,
      { value: wanted },
    )
  if (cache > all) throw refuse('kvCache.maxBytes (--kv-cache)', cache, `${cache}: take less`)
  if (library === '') return
  const weights = weightBytes(plan, dtype)
  if (weights + cache <= all) return
  const ofCache = cache > 0 ? ` and ${cache} of kvCache.maxBytes (--kv-cache)` : ''
  const cure = `take ${cache > 0 ? 'less of that, ' : ''}a smaller dtype ('int8', 'int4'), another GPU, or device: 'cpu'`
  throw refuse('device', weights + cache, `${weights} of weights${ofCache}: ${cure}`)
}

/** Reads the weights to where the model will run. */
export async function loadNative(
  plan: ModelPlan,
  device: ChosenDevice,
  options: NativeLoadOptions,
): Promise<NativeModel> {
  expectMemory(plan, device, options)
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
