import { Component, type ComponentChildren } from 'preact'

interface Props {
  /** What is shown instead, where the children cannot be. */
  text: string
  children: ComponentChildren
}

/** Keeps a message that cannot be drawn from taking the whole page with it. */
export class Boundary extends Component<Props, { isBroken: boolean }> {
  override state = { isBroken: false }

  static override getDerivedStateFromError() {
    return { isBroken: true }
  }

  override render({ text, children }: Props) {
    return this.state.isBroken ? <p class="plain">{text}</p> : children
  }
}
