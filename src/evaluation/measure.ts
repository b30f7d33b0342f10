/** One task to its results: what a thread of `evaluate` does. */
import { measureForest } from './forest-set.ts'
import { measureIncidents } from './incident-set.ts'
import type { ScorerSettings } from './judge.ts'
import type { SetTask } from './labelled-sets.ts'
import { measureMetrics } from './metric-set.ts'
import { type Python, withGeneratedReplay } from './replay-generator.ts'
import { measureRequests } from './request-set.ts'
import type { SetResult } from './set-result.ts'
import { measureTemplates } from './template-set.ts'

export interface MeasureOptions {
  readonly settings: ScorerSettings
  /** For the generator of replays. */
  readonly python: Python | null
}

/** Throws INPUT where the set is not as it should be. */
export async function measure(task: SetTask, { settings, python }: MeasureOptions): Promise<SetResult[]> {
  switch (task.kind) {
    case 'forest':
      return [await measureForest(task.name, task.file)]
    case 'incidents':
      return [await measureIncidents(task.name, task.folder, settings)]
    case 'generated':
      return withGeneratedReplay({ ...task, python }, async (folder) => [
        await measureIncidents(task.name, folder, settings),
      ])
    case 'metrics':
      return [await measureMetrics(task.name, task.folder, settings)]
    case 'templates':
      return [await measureTemplates(task.name, task.file)]
    case 'requests':
      return measureRequests(task.name, task.folder, settings)
  }
}
