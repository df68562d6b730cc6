import { totalmem } from 'node:os'
import type { ModelPlan } from '../checkpoint/plan.js'
import { planText } from '../checkpoint/plan-text.js'
import { QuernError, type QuernErrorCode } from '../errors.js'
import type { Requests } from '../generation/requests.js'
import type { NativeModel, NativeRows } from '../native/binding.js'
import { callNative, fromNative } from '../native/call-native.js'
import { native } from '../native/load-binding.js'
import { onAbort } from '../on-abort.js'
import { type ChosenDevice, onCpu } from './choose-device.js'
import { defaultMaxQueue, type LoadOptions } from './load-options.js'

/** What the engine is told: options that were taken, and what load() made of them. */
export interface NativeLoadOptions extends LoadOptions {
  onWarning: (message: string) => void
  /** Tokens that one step computes at most. */
  stepRows: number
  /** Where the answers arrive. */
  requests: Requests
}

/** Whether a GPU that had room and worked when it was looked at fails with this: others took its memory since then, or it broke. */
function isFailureOfDevice(code: QuernErrorCode, { kvCache }: LoadOptions): boolean {
  const codes: readonly QuernErrorCode[] = ['out_of_memory', 'device_failed', 'no_device']
  return codes.includes(code) || (code === 'kv_cache_too_small' && kvCache?.maxBytes === undefined)
}

/** Reads the weights to where the model will run. Where that fails, the device's substitute takes them, if it has one. Gives who took them. */
export async function loadChosen(
  plan: ModelPlan,
  device: ChosenDevice,
  options: NativeLoadOptions,
): Promise<{ handle: NativeModel; device: ChosenDevice }> {
  const { substitute } = device
  try {
    return { handle: await loadNative(plan, device, options), device }
  } catch (error) {
    const isOfDevice = error instanceof QuernError && isFailureOfDevice(error.code, options)
    if (!substitute || !isOfDevice || options.signal?.aborted) throw error
    options.onWarning(onCpu(error.message))
  }
  return { handle: await loadNative(plan, substitute, options), device: substitute }
}

/** A cache beyond all memory of the machine is a slip, and its bookkeeping alone would take gigabytes. A GPU says itself what it has. */
function expectMemory({ library }: ChosenDevice, { kvCache }: LoadOptions): void {
  const [wanted, all] = [kvCache?.maxBytes ?? 0, totalmem()]
  if (library !== '' || wanted <= all) return
  throw new QuernError(
    'out_of_memory',
    `kvCache.maxBytes (--kv-cache): expected at most the ${all} bytes of memory that this machine has, got ${wanted}: take less`,
    { value: wanted },
  )
}

async function loadNative(
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
