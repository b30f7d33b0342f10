/** One task to its results: what a thread of `evaluate` does. */
import { measureForest } from './forest-set.ts'
import { measureIncidents } from './incident-set.ts'
import type { ScorerSettings } from './judge.ts'
import type { SetTask } from './labelled-sets.ts'
import { withGeneratedReplay } from './replay-generator.ts'
import { measureRequests } from './request-set.ts'
import type { SetResult } from './set-result.ts'

export interface MeasureOptions {
  readonly settings: ScorerSettings
  /** Commands to try for the generator of replays; the first that has numpy is taken. */
  readonly pythons: readonly string[]
}

/** Throws INPUT where the set is not as it should be. */
export async function measure(task: SetTask, { settings, pythons }: MeasureOptions): Promise<SetResult[]> {
  switch (task.kind) {
    case 'forest':
      return [await measureForest(task.name, task.file)]
    case 'incidents':
      return [await measureIncidents(task.name, task.folder, settings)]
    case 'generated':
      return withGeneratedReplay({ ...task, pythons }, async (folder) => [
        await measureIncidents(task.name, folder, settings),
      ])
    case 'requests':
      return measureRequests(task.name, task.folder, settings)
  }
}
