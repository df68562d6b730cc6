// A tool that the bundled model calls for this question, and what it is told then.

export const weatherQuestion = 'What is the weather in Paris?'

export const weatherParameters = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'],
}

export const weatherTool = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Get the current weather in a city',
    parameters: weatherParameters,
  },
}

export const weatherAnswer = '{"temperature": 21, "sky": "sunny"}'
