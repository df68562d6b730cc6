const key = 'quern.message'

/** What is being written and not sent yet: it outlives a reload, in this tab. */
export function draftText(): string {
  try {
    return sessionStorage.getItem(key) ?? ''
  } catch {
    return '' // a browser that keeps nothing
  }
}

export function keepDraft(text: string): void {
  try {
    sessionStorage.setItem(key, text)
  } catch {} // then it goes with the page
}
