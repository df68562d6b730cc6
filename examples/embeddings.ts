// Numbers instead of text: how alike texts are, how likely a continuation is, how well a text is foretold.
// prints: nearest to
// prints: likelier
// prints: perplexity
import { load } from 'quern'

// The bundled model writes stories and was never trained to embed: load('Qwen/Qwen3-Embedding-0.6B') for vectors that mean something.
const model = await load()
const texts = ['A fox ran through the wood.', 'The fox hid in the forest.', 'Two and two make four.']
const [first, ...others] = await model.embed(texts)
const nearness = others.map((vector) => vector.reduce((sum, value, i) => sum + value * (first?.[i] ?? 0), 0))
console.log(`nearest to the first: ${texts[1 + nearness.indexOf(Math.max(...nearness))]}`)

const endings = [' time', ' banana']
const scores = await model.score('Once upon a', endings)
const [a = 0, b = 0] = scores.map(({ logprob }) => Math.exp(logprob))
console.log(`"${a > b ? endings[0] : endings[1]}" is likelier: ${a.toPrecision(3)} and ${b.toPrecision(3)}`)

const { perplexity, tokens } = await model.perplexity(
  'Once upon a time there was a little fox who loved the rain.',
)
console.log(`perplexity ${perplexity.toFixed(1)} over ${tokens} tokens`)
await model.close()
