// A conversation that keeps itself, goes two ways, and outlives the process in a file.
// prints: Paris
// prints: of the prompt's
// prints: goes on from 5 messages
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load } from 'quern'

const model = await load()
const session = model.session({ system: 'You are a helpful assistant.', temperature: 0, maxTokens: 40 })
console.log(await session.chat('What is the capital of France?').text())

// The fork shares what is computed of the conversation so far.
const fork = session.fork()
const [story, thanks] = await Promise.all([
  session.chat('Tell me a very short story about a fox.').result(),
  fork.chat('Thank you!').result(),
])
console.log(story.text)
console.log(thanks.text)
console.log(
  `${thanks.usage.cachedTokens} of the prompt's ${thanks.usage.promptTokens} tokens were computed before`,
)

const path = join(tmpdir(), `fox-${process.pid}.session`)
await session.save(path)
const later = await model.loadSession(path, { temperature: 0, maxTokens: 40 })
console.log(`goes on from ${later.messages.length} messages`)
await rm(path)
await model.close()
