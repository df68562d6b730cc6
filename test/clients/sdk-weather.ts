import { jsonSchema, tool } from 'ai'
import { weatherAnswer, weatherParameters, weatherTool } from './weather.js'

/** The weather as a tool of the AI SDK. Each call's input is added to `asked`. */
export function weatherTools(asked: unknown[] = [], answer: unknown = weatherAnswer) {
  return {
    get_weather: tool({
      description: weatherTool.function.description,
      inputSchema: jsonSchema<{ city: string }>(weatherParameters),
      execute: async (input) => {
        asked.push(input)
        return answer
      },
    }),
  }
}
