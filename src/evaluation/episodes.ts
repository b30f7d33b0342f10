/**
 * Episodes: what somebody on call would be called for. Flagged moments of one service belong together when at most two minutes lie
 * between them; an episode that touches no incident of its service, nor the two minutes after one, is false.
 */

export const GRACE_SECONDS = 120

export interface Episode {
  readonly from: number
  readonly to: number
}

/** `seconds` in any order; may be empty. */
export function episodesOf(seconds: readonly number[]): Episode[] {
  const sorted = Float64Array.from(seconds).sort()
  const episodes: Episode[] = []
  let from = 0
  for (let i = 1; i <= sorted.length; i++) {
    if (i < sorted.length && sorted[i]! - sorted[i - 1]! <= GRACE_SECONDS) continue
    episodes.push({ from: sorted[from]!, to: sorted[i - 1]! })
    from = i
  }
  return episodes
}

export function falseEpisodes(episodes: readonly Episode[], incidents: readonly Episode[]): Episode[] {
  return episodes.filter(
    ({ from, to }) => !incidents.some((incident) => to >= incident.from && from <= incident.to + GRACE_SECONDS),
  )
}
