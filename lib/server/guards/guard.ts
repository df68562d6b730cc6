/** Lets a request pass, or throws the ApiError that it gets. */
export type Guard = (request: Request) => void
