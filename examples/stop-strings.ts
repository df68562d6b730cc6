// Text that ends before a given string: no part of it comes out, however the tokens are cut.
// prints: first sentence:
import { load } from 'quern'

const model = await load()
const { text, finishReason } = await model
  .generate('Once upon a time', { stop: ['. ', '.\n'], temperature: 0, maxTokens: 100 })
  .result()
console.log(`first sentence: Once upon a time${text}. (${finishReason})`)
await model.close()
