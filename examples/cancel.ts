// Three ways to end a generation early: leave the loop, call cancel(), abort a signal.
// prints: cancelled
// prints: TimeoutError
import { load } from 'quern'

const model = await load()

for await (const text of model.generate('Once upon a time')) {
  process.stdout.write(text)
  if (text.includes('.')) break // the rest is never computed
}

const generation = model.generate('Once upon a time', { ignoreEos: true })
setTimeout(() => generation.cancel(), 20)
const { finishReason, usage } = await generation.result()
console.log(`\n${finishReason} after ${usage.completionTokens} tokens`)

try {
  await model.generate('Once upon a time', { ignoreEos: true, signal: AbortSignal.timeout(20) }).result()
} catch (error) {
  console.log((error as Error).name)
}
await model.close()
