import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The files below root/folder whose names end in one of the endings, as paths from the root, in order. */
export function sources(root, folder, endings) {
  if (!existsSync(join(root, folder))) return []
  const found = []
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === '.next') continue // of others, and made by them
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) found.push(...sources(root, path, endings))
    else if (endings.some((ending) => entry.name.endsWith(ending))) found.push(path)
  }
  return found.sort()
}
