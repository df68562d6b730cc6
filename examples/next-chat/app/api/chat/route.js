import { convertToModelMessages, streamText } from 'ai'
import { load } from 'quern'
import { quern } from 'quern/ai-sdk'

// In development this module is evaluated again at each change; the model is loaded once.
const theModel = () => {
  globalThis.theModel ??= load(process.env.MODEL)
  return globalThis.theModel
}

export async function POST(request) {
  const { messages } = await request.json()
  const answer = streamText({
    model: quern(theModel),
    messages: await convertToModelMessages(messages),
    maxOutputTokens: 512,
    abortSignal: request.signal, // a reader that leaves ends the generation
  })
  return answer.toUIMessageStreamResponse({
    onError: (error) => (error instanceof Error ? error.message : 'something failed'),
  })
}
