// Below the text: token ids, and the model's scores for the next token.
// prints: next:
import { load } from 'quern'

const model = await load()
const tokens = model.tokenizer.encode('The sun rises in the')
console.log([...tokens].map((id) => model.tokenizer.decode([id])))

const { data, shape } = await model.logits(tokens, { positions: 'last' })
const best = [...data.keys()].sort((a, b) => (data[b] ?? 0) - (data[a] ?? 0)).slice(0, 5)
console.log(
  `next: ${best.map((id) => JSON.stringify(model.tokenizer.decode([id]))).join(' ')} (of ${shape[1]})`,
)
await model.close()
