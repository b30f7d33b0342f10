/**
 * The scorer of the line where ML_ENGINE_URL names an engine. The model in the process judges and learns every log all the same,
 * so that it is warm whenever the engine is not there; an answer in time replaces score and flag.
 *
 *   ranges of a batch -> one question ---------------------> answers so far -----------> merged by place
 *                    \-> the model judges and learns meanwhile ----------------------/
 *
 * Whether to ask, and for how long to wait, is `EngineQuestions`' business.
 */
import type { ScoredLog } from '../../log.ts'
import type { ScoredRange, Scorer, UnscoredRange } from '../../pipeline.ts'
import { ruledLog } from '../rule-scorer.ts'
import { type Answers, EngineQuestions, type QuestionOptions } from './engine-questions.ts'
import type { RemoteVerdict } from './engine-words.ts'

export interface RemoteScorerOptions extends QuestionOptions {
  readonly model: Scorer
  /** Who judges what the engine does not answer. */
  readonly fallback: 'model' | 'rules'
  /** Told once a batch: so many of its logs were answered; `stalledMs`: what the pipeline had nothing else to do. */
  readonly judged: (what: {
    readonly asked: boolean
    readonly logs: number
    readonly answered: number
    readonly stalledMs: number
  }) => void
}

const UNANSWERED = 'the ML engine did not answer in time'
const NOTHING: Answers = { verdicts: [], stalledMs: 0 }

export class RemoteScorer implements Scorer {
  readonly #options: RemoteScorerOptions
  readonly #questions: EngineQuestions

  constructor(options: RemoteScorerOptions) {
    this.#options = options
    this.#questions = new EngineQuestions(options)
  }

  /** Ranges that are only learned again are not asked about. */
  async score(ranges: readonly UnscoredRange[], lane: number): Promise<readonly ScoredRange[]> {
    const { model, judged } = this.#options
    const asking = ranges.filter(isAsked)
    const events = asking.length === 1 ? asking[0]!.events : asking.flatMap((each) => each.events)
    const question = this.#questions.ask(events)
    const ours = await model.score(ranges, lane)
    const { verdicts, stalledMs } = question === null ? NOTHING : await this.#questions.answers(question)
    if (events.length > 0)
      judged({ asked: question !== null, logs: events.length, answered: countOf(verdicts), stalledMs })
    let from = 0
    return ours.map((scored, at) => {
      if (!isAsked(ranges[at]!)) return scored
      const logs = this.#merged(scored.logs, verdicts, from)
      from += logs.length
      return { ...scored, logs }
    })
  }

  /** No question is out afterwards. */
  close(): void {
    this.#questions.close()
  }

  /** Answers in the place of the model's judgements; the logs without one as `fallback` says. */
  #merged(logs: readonly ScoredLog[], verdicts: Answers['verdicts'], from: number): readonly ScoredLog[] {
    const rules = this.#options.fallback === 'rules'
    if (verdicts.length <= from && !rules) return logs
    return logs.map((log, i) => {
      const verdict = verdicts[from + i]
      if (verdict !== null && verdict !== undefined) return remoteLog(log, verdict)
      return rules ? ruledLog(log.event, UNANSWERED) : log
    })
  }
}

const isAsked = ({ range, events }: UnscoredRange): boolean => range.purpose === 'store' && events.length > 0

function countOf(verdicts: Answers['verdicts']): number {
  return verdicts.reduce((sum, each) => sum + (each === null ? 0 : 1), 0)
}

/** An anomaly is explained: by the engine, else by the model where it agrees, else by who said so. */
function remoteLog(log: ScoredLog, { score, isAnomaly, explanation }: RemoteVerdict): ScoredLog {
  const ours = log.source === 'model' ? log.explanation : null
  const why = isAnomaly ? (explanation ?? ours ?? explained(score)) : null
  return { event: log.event, score, isAnomaly, source: 'remote', explanation: why }
}

function explained(score: number): string {
  const rounded = Number(score.toPrecision(3))
  return JSON.stringify({ top: 'remote', score: rounded, why: `the ML engine scored it ${rounded} and gave no reason` })
}
