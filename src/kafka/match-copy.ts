/** Repeats `length` bytes that begin `distance` before `at`, as LZ77 decoders do: the two may overlap. Bounds are the caller's. */
export function copyMatch(output: Buffer, at: number, distance: number, length: number): void {
  if (length > 48 && distance >= length) {
    output.copyWithin(at, at - distance, at - distance + length)
    return
  }
  if (distance === 1) {
    output.fill(output[at - 1]!, at, at + length)
    return
  }
  for (let to = at, from = at - distance, end = at + length; to < end; ) output[to++] = output[from++]!
}
