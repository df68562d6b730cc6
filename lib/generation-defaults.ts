/** How a model's makers want it sampled: what a request uses where it says nothing itself. Absent: off. */
export interface GenerationDefaults {
  /** 0: always the likeliest token. */
  temperature: number
  /** Tokens; absent: all. */
  topK?: number
  topP?: number
  minP?: number
  typicalP?: number
  repetitionPenalty?: number
}

/** Without a generation_config.json, Hugging Face decodes greedily. */
export const greedyDefaults: Readonly<GenerationDefaults> = { temperature: 0 }
