/**
 * quern runs language models inside the process.
 *
 * @packageDocumentation
 */
export { QuernError, type QuernErrorCode } from './errors.js'
export { type InspectOptions, inspect, type ModelInspection, type TensorInfo } from './model/inspect.js'
export {
  type DecoderConfig,
  type ModelPlan,
  type PlannedWeight,
  planText,
  type RopeScaling,
  type WeightDtype,
  type WeightSource,
} from './model/plan.js'
