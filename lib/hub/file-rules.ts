/** What a model on the hub, or in the cache, has. */
export interface AvailableFiles {
  /** For messages: the model's id or its folder. */
  where: string
  names: ReadonlySet<string>
  bytesOf(name: string): Promise<number | undefined>
  /** Fetches a file, unless it is there, and gives its path. */
  bring(name: string): Promise<string>
}

/** Names of files. */
export interface ChosenFiles {
  small: string[]
  /** Fetched last. */
  weights: string[]
}

/** What the hub is told of the files of models: it knows no format itself. */
export interface FileRules {
  /** Chooses what a model needs. */
  choose(files: AvailableFiles): Promise<ChosenFiles>
  /** How many of a file's `bytes` are its header, by its first ones; where that makes no sense, as many as were given. */
  headerBytes(start: Buffer, bytes: number): number
}
