// A loop of tools: the model asks, the program answers, until the model has an answer in words.
// prints: get_weather({"city": "Paris"})
// prints: assistant:
import { type ChatMessage, load, type ToolDefinition } from 'quern'

const getWeather: ToolDefinition = {
  name: 'get_weather',
  description: 'Get the current weather in a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}
const run: Record<string, (args: { city: string }) => unknown> = {
  get_weather: ({ city }) => ({ city, temperature: 21, sky: 'sunny' }),
}

const model = await load()
const messages: ChatMessage[] = [{ role: 'user', content: 'What is the weather in Paris?' }]
for (let round = 0; round < 5; round++) {
  const reply = model.chat(messages, { tools: [getWeather], temperature: 0, maxTokens: 100 })
  const { message, text, toolCalls } = await reply.result()
  messages.push(message)
  if (toolCalls.length === 0) {
    console.log(`assistant: ${text}`)
    break
  }
  for (const { id, name, arguments: json } of toolCalls) {
    console.log(`${name}(${json})`)
    const answer = run[name]?.(JSON.parse(json)) ?? { error: `there is no tool ${name}` }
    messages.push({ role: 'tool', tool_call_id: id, name, content: JSON.stringify(answer) })
  }
}
await model.close()
