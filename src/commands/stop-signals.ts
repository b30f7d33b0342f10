/** The first SIGTERM or SIGINT drains, the second ends the process at once. */

/**
 * One press of Ctrl-C can arrive twice: from the terminal, which signals the whole group, and from npm or the launcher, which pass
 * it on. What follows the first so closely is the same request.
 */
const SAME_REQUEST_MS = 500

/**
 * Calls `act` once; gives back the way to stop listening. After a signal it does nothing: a copy of that signal may be on its way
 * while the process, done in a few milliseconds, is about to exit with its own code.
 */
export function onFirstSignal(act: (signal: string) => void): () => void {
  const remove = (): void => {
    process.removeListener('SIGTERM', hear)
    process.removeListener('SIGINT', hear)
  }
  let first = true
  function hear(signal: string): void {
    if (!first) return
    first = false
    setTimeout(remove, SAME_REQUEST_MS).unref()
    act(signal)
  }
  process.on('SIGTERM', hear)
  process.on('SIGINT', hear)
  return () => {
    if (first) remove()
  }
}
