/** Reads server-sent events as they come in pieces: gives the data of each that is complete. */
export class EventReader {
  #rest = ''

  push(text: string): string[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    return lines.flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trim()] : []))
  }
}
