// The shortest program: text as it is generated.
// prints: Once upon a time
import { load } from 'quern'

const model = await load() // the bundled model
const prompt = 'Once upon a time'
process.stdout.write(prompt)
for await (const text of model.generate(prompt, { maxTokens: 60 })) process.stdout.write(text)
process.stdout.write('\n')
await model.close()
