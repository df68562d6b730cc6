// A conversation, through the model's own chat template.
// prints: user: What is the capital of France?
// prints: Paris
import { type ChatMessage, load } from 'quern'

const model = await load()
const messages: ChatMessage[] = []
for (const content of ['What is the capital of France?', 'Tell me a very short story about a fox.']) {
  messages.push({ role: 'user', content })
  console.log(`user: ${content}`)
  let answer = ''
  for await (const text of model.chat(messages, { temperature: 0, maxTokens: 80 })) {
    answer += text
    process.stdout.write(text)
  }
  console.log()
  messages.push({ role: 'assistant', content: answer })
}
await model.close()
