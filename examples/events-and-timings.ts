// Typed events instead of plain text, and where the time went.
// prints: stream-end
import { load } from 'quern'

const model = await load()
for await (const event of model
  .generate('The capital of France is', { maxTokens: 12, temperature: 0 })
  .events()) {
  if (event.type === 'text-delta') {
    console.log(event.type, event.tokens, JSON.stringify(event.text))
  } else if (event.type === 'stream-end') {
    const { finishReason, usage, timings } = event
    console.log(event.type, finishReason, usage, `${timings.firstTokenMs.toFixed(0)} ms to the first token`)
  }
}
await model.close()
