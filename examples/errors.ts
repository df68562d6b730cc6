// Every failure is a QuernError with a code that programs can compare and a message that tells people what to do.
// prints: context_overflow
// prints: unsupported_option
// prints: missing_file
import { load, QuernError } from 'quern'

async function attempt(action: () => Promise<unknown>) {
  try {
    await action()
  } catch (error) {
    if (!(error instanceof QuernError)) throw error
    console.log(`${error.code}: ${error.message}`)
  }
}

const model = await load()
await attempt(() => model.generate('long '.repeat(5000)).text())
await attempt(() => model.generate('Hello', { beams: 4 } as object).text())
await attempt(() => load('/no/such/model'))
await model.close()
