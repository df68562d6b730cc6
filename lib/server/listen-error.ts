import { QuernError } from '../index.js'

/** Why a server cannot listen there, and what to do about it. */
export async function listenError(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
): Promise<QuernError> {
  return new QuernError('cannot_listen', await explain(error, host, port), {
    value: { host, port },
    cause: error,
  })
}

async function explain(error: NodeJS.ErrnoException, host: string, port: number): Promise<string> {
  const where = `${host}:${port}`
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is in use: ${await whoIsThere(host, port)}`
    case 'EACCES':
      return `this user may not listen on ${where}: ports below 1024 are for root, or for who has CAP_NET_BIND_SERVICE; take a larger one`
    case 'EADDRNOTAVAIL':
      return `${host} is no address of this machine: listen on 127.0.0.1, or on 0.0.0.0 for all that it has`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host '${host}' has no address: expected one of this machine's, such as 127.0.0.1`
    default:
      return `cannot listen on ${where}: ${error.message}`
  }
}

/** Whether another quern answers there, which is the likeliest, or something else. */
async function whoIsThere(host: string, port: number): Promise<string> {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  const url = `http://${name.includes(':') ? `[${name}]` : name}:${port}`
  const otherPort = 'take another port, or 0 for one that is free'
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1000), redirect: 'error' })
    const { server } = (await response.json()) as { server?: unknown }
    if (server === 'quern')
      return `another quern serves there (${url}/v1/models tells what): end it, or ${otherPort}`
  } catch {} // no HTTP, or none that we know
  return `by a program that is not quern (ss -ltnp 'sport = :${port}' tells which): end it, or ${otherPort}`
}
