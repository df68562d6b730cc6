// How tokens are drawn: a chain of steps, several continuations with different seeds, and how likely each token was.
// prints: tokens can be drawn
import { load, samplingDistribution } from 'quern'

const model = await load()
const prompt = 'Once upon a time'
const options = {
  temperature: 0.9,
  minP: 0.05,
  repetitionPenalty: 1.1,
  dry: { multiplier: 0.8 },
  maxTokens: 24,
}

for (const generation of model.generateMany(prompt, { ...options, n: 3, seed: 1 })) {
  const { seed, text } = await generation.result()
  console.log(`seed ${seed}:${text}`)
}

const { logprobs = [] } = await model
  .generate(prompt, { ...options, maxTokens: 4, logprobs: true, topLogprobs: 3 })
  .result()
for (const { token, logprob, top } of logprobs) {
  const others = top.map((one) => `${JSON.stringify(one.token)} ${Math.exp(one.logprob).toFixed(2)}`)
  console.log(JSON.stringify(token), Math.exp(logprob).toFixed(2), 'of', others.join(', '))
}

// The same options as exact probabilities of the first token.
const tokens = model.tokenizer.encode(prompt)
const { data } = await model.logits(tokens, { positions: 'last' })
const probabilities = samplingDistribution(data, { temperature: 0.9, minP: 0.05 }, { prompt: tokens })
console.log(probabilities.filter((p) => p > 0).length, 'tokens can be drawn')

await model.close()
