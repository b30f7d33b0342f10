/** Memory for what was fetched, out of the memory of the process. */
const MIB = 1024 * 1024

/** What may be held of Kafka's bytes, out of what the process may use: the rest is Node, the model and the batch in hand. */
export function fetchLimits(memoryLimitMb: number, messageBytesMax: number) {
  const share = Math.max(4, Math.floor((memoryLimitMb - 144) / 24)) * MIB
  const fetchBytesMax = Math.max(2 * MIB, Math.floor(share / 4))
  return {
    // A batch that each lane stores, one that is made ready, and what the next is cut from.
    bufferBytesMax: 3 * share,
    fetchMaxWaitMs: 500,
    fetchBytesMax,
    fetchPartitionBytesMax: Math.max(MIB, Math.floor(fetchBytesMax / 4)),
    // Codecs make 1 MB of what was 3 to 10; what makes more of it comes piece by piece.
    answerPlainBytesMax: Math.max(8 * MIB, 4 * share),
    plainBytesMax: Math.max(64 * MIB, 2 * messageBytesMax),
  }
}
