import { QuernError } from '../errors.js'

/** The text of a template with the line ends that Jinja sees, and where things are in it. */
export class Source {
  readonly text: string

  constructor(text: string) {
    this.text = text.replace(/\r\n?/g, '\n').replace(/\n$/, '')
  }

  /** 'line 3, column 14', both counted from 1. */
  place(at: number): string {
    const before = this.text.slice(0, at)
    const lineStart = before.lastIndexOf('\n') + 1
    return `line ${before.split('\n').length}, column ${at - lineStart + 1}`
  }

  /** It is no template: says where and why. */
  refuse(at: number, message: string): never {
    throw new QuernError('invalid_template', `chat template, ${this.place(at)}: ${message}`)
  }
}
