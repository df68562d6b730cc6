// Requests that run at the same time share the model's steps; each gives what it would give alone.
// prints: 8 stories
import { load } from 'quern'

const model = await load()
const heroes = [
  'a fox',
  'a queen',
  'a robot',
  'a tiny mouse',
  'an old bear',
  'a brave girl',
  'a proud boy',
  'a lazy cat',
]
const stories = await Promise.all(
  heroes.map((hero) =>
    model.generate(`Once upon a time there was ${hero}`, { maxTokens: 40, seed: 1 }).result(),
  ),
)
for (const [i, { text }] of stories.entries()) console.log(`${heroes[i]}:${text.split('\n')[0]}`)
console.log(
  `${stories.length} stories, ${stories.reduce((sum, { usage }) => sum + usage.completionTokens, 0)} tokens`,
)
await model.close()
