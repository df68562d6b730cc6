/** Where Debian's Chromium lies. */
export const chromium = '/usr/bin/chromium'
