import type { ComponentProps } from 'preact'
import { Icon } from './icon.tsx'

interface Props extends Omit<ComponentProps<'button'>, 'icon'> {
  icon: ComponentProps<typeof Icon>['name']
  /** What it does, for screen readers and whoever waits with the pointer on it. */
  label: string
}

export function IconButton({ icon, label, class: className = '', ...more }: Props) {
  return (
    <button type="button" class={`icon-button ${className}`} aria-label={label} title={label} {...more}>
      <Icon name={icon} />
    </button>
  )
}
