/// <reference lib="esnext.disposable" preserve="true" />
/**
 * quern runs language models inside the process.
 *
 * @module quern
 */

export { ChatTemplate, type ChatTemplateTokens, type RenderOptions } from './chat/chat-template.js'
export type { ChatMessage, MessageToolCall, TextPart } from './chat/messages.js'
export type { ToolCallEvent } from './chat/reply-content.js'
export type { ParsedToolCall } from './chat/tool-call-json.js'
export {
  type ToolCallFormat,
  ToolCallParser,
  type ToolCallParserEnd,
  type ToolCallParserOptions,
} from './chat/tool-call-parser.js'
export type {
  AttentionMixer,
  DecoderConfig,
  DenseFfn,
  LayerSpec,
  RopeConfig,
  RopeScaling,
} from './checkpoint/decoder-config.js'
export type { PositionEncoding } from './checkpoint/layer-spec.js'
export type { LeftOut } from './checkpoint/left-out.js'
export type {
  ModelPlan,
  PlannedWeight,
  WeightDtype,
  WeightPart,
  WeightSource,
} from './checkpoint/plan.js'
export { planText } from './checkpoint/plan-text.js'
export { type PulledModel, type PullOptions, type PullProgress, pull } from './checkpoint/pull.js'
export { QuernError, type QuernErrorCode } from './errors.js'
export { Generation } from './generation/generation.js'
export type { TokenLogprob, TopLogprob } from './generation/logprobs.js'
export type { GenerateManyOptions } from './generation/many.js'
export type { GenerateOptions } from './generation/options.js'
export type { AssistantMessage, ReplyPart, ToolCall } from './generation/reply.js'
export type {
  DroppedMessages,
  FinishReason,
  GenerationEvent,
  GenerationResult,
  OutputEvent,
  Timings,
  Usage,
} from './generation/result.js'
export { type SamplingContext, samplingDistribution } from './generation/sampling-distribution.js'
export type {
  DryOptions,
  MirostatOptions,
  SamplerName,
  SamplingOptions,
  XtcOptions,
} from './generation/sampling-options.js'
export type { FunctionTool, ToolDefinition } from './generation/tools.js'
export type { AttentionSinks } from './model/attention-sinks.js'
export type { CudaDevice, CudaProblem, CudaReport } from './model/cuda-report.js'
export {
  type DoctorOptions,
  doctor,
  type MachineLimits,
  type MachineReport,
  type MatrixProduct,
} from './model/doctor.js'
export { type InspectOptions, inspect, type ModelInspection, type TensorInfo } from './model/inspect.js'
export { load } from './model/load.js'
export type { LoadOptions, LoadProgress, Quantization } from './model/load-options.js'
export type { LoadedBytes } from './model/loaded-bytes.js'
export type { Logits, LogitsOptions } from './model/logits.js'
export { Model } from './model/model.js'
export type { ModelInfo, ModelStats } from './model/model-info.js'
export type { GenerateInput } from './model/prompt.js'
export type { PromptTokensOptions } from './model/prompt-tokens.js'
export { Session, type SessionOptions } from './session/session.js'
export type { EmbedOptions } from './tasks/embed.js'
export type { Perplexity, PerplexityOptions } from './tasks/perplexity.js'
export type { RankedDocument, RankOptions } from './tasks/rank.js'
export type { Score, ScoreOptions } from './tasks/score.js'
export type { TextInput, TextInputs } from './tasks/take-texts.js'
export type { TaskOptions, TaskProgress } from './tasks/task-options.js'
export {
  type DecodeOptions,
  type EncodeOptions,
  type TokenDecoder,
  Tokenizer,
} from './tokenizer/tokenizer.js'
