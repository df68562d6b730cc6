/**
 * The server's key, where it wants one. It lives as long as the tab: a reload keeps it, nothing is left on the disk for whoever uses the machine
 * next, and no other tab sees it.
 */
const item = 'quern.api-key'

export function apiKey(): string {
  return sessionStorage.getItem(item) ?? ''
}

export function setApiKey(key: string): void {
  if (key === '') sessionStorage.removeItem(item)
  else sessionStorage.setItem(item, key)
}
