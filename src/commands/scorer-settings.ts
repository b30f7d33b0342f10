/** What of the settings the in-process scorer goes by: the same for the worker, `evaluate` and `backtest`. */
import type { SettingName } from '../config/settings.ts'
import type { Config } from '../config.ts'
import type { ScorerSettings } from '../evaluation/judge.ts'

/** The variables that they come from. */
export const SCORER_SETTINGS: readonly SettingName[] = [
  'ANOMALY_PROFILE',
  'ANOMALY_THRESHOLD',
  'ANOMALY_BUDGET_PER_DAY',
  'ANOMALY_BUDGET_PER_SERVICE_DAY',
  'SERVICES_MAX',
]

export function scorerSettings({ scoring }: Pick<Config, 'scoring'>): ScorerSettings {
  return {
    profile: scoring.profile,
    threshold: scoring.threshold,
    budget: budgetOf(scoring),
    servicesMax: scoring.servicesMax,
  }
}

function budgetOf({ budgetPerDay, budgetPerServiceDay }: Config['scoring']) {
  if (budgetPerDay === undefined && budgetPerServiceDay === undefined) return undefined
  return { perDay: budgetPerDay ?? null, perServiceDay: budgetPerServiceDay ?? null }
}
