import type { TaskTarget } from '../tasks/task-target.js'
import { nativeTokenizer } from '../tokenizer/tokenizer.js'
import type { ModelParts } from './model-info.js'
import type { PromptTools } from './prompt.js'

/** Where the tasks of a model go. */
export function taskTarget(parts: ModelParts, tools: PromptTools): TaskTarget {
  const { handle, requests, plan, source, maxQueue } = parts
  return {
    model: handle,
    requests,
    get tokenizer() {
      return tools.tokenizer
    },
    nativeTokenizer: parts.tokenizer && nativeTokenizer(parts.tokenizer),
    source,
    generates: plan.generates,
    hidden: plan.config.hidden,
    maxQueue,
    longestSequence: tools.info.longestSequence,
    capacity: tools.info.capacity,
  }
}
