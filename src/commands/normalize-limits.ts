/** The limits of the normalizer out of the settings: the same for the worker, a replay and a proof. */
import type { Config } from '../config.ts'
import { DEFAULT_NORMALIZE_LIMITS, type NormalizeLimits } from '../normalize/limits.ts'

export function normalizeLimits({ limits }: Pick<Config, 'limits'>, onHypertable: boolean): NormalizeLimits {
  return {
    ...DEFAULT_NORMALIZE_LIMITS,
    messageBytesMax: limits.messageBytesMax,
    itemsMax: limits.itemsMax,
    textBytesMax: limits.textBytesMax,
    timestampMaxAgeDays: onHypertable ? limits.timestampMaxAgeDays : null,
  }
}
