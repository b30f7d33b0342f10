/** Far beyond what anything takes on a machine that is slow or busy elsewhere: only what never comes is told by it. */
const PATIENCE_MS = 300_000

/** Waits for a condition; rejects with its name when it takes too long. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`)
    await new Promise((done) => setTimeout(done, 50))
  }
}
