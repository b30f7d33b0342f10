/** How long something took this thread itself: a machine that is busy elsewhere makes nothing slow. */

/** Answers the ms of the processor's time since it was started. */
export function stopwatch(): () => number {
  const before = process.threadCpuUsage()
  return () => {
    const { user, system } = process.threadCpuUsage(before)
    return (user + system) / 1_000
  }
}
