/** What is measured on one labelled set. Names with underscores, since this is what `evaluate --json` prints. */

/** Mean over seeds of a forest that knows nothing but the rows; the reference is scikit-learn's, where the set brings it. */
export interface ForestResult {
  readonly name: string
  readonly task: 'forest'
  readonly auc: number
  readonly auc_sd: number
  readonly ap: number
  readonly seeds: number
  readonly rows: number
  readonly dimensions: number
  readonly positives: number
  readonly reference: { readonly auc: number; readonly ap: number } | null
}

/** Logs with incidents: times in seconds, rates as shares. */
export interface IncidentResult {
  readonly name: string
  readonly task: 'incidents'
  readonly logs: number
  readonly unreadable: number
  readonly positives: number
  readonly f1: number
  readonly best_f1: number
  readonly precision: number
  readonly recall: number
  readonly ap: number
  readonly auc: number
  readonly macro_ap: number
  /** Share of normal logs that are flagged. */
  readonly fpr: number
  readonly recall_at_fpr_1e3: number
  readonly recall_at_fpr_1e4: number
  readonly false_episodes_per_service_day: number
  readonly incidents: number
  readonly incidents_detected: number
  readonly incident_recall: number
  readonly types: Readonly<
    Record<
      string,
      {
        readonly incidents: number
        readonly detected: number
        readonly chance: number
        readonly median_delay_s: number
        readonly recall: number
        readonly ap: number
      }
    >
  >
  readonly us_per_log: number
}

/** Requests during faults, one by one and as means over windows; the reference is an expanding z-score of the latency. */
export interface RequestsResult {
  readonly name: string
  readonly task: 'requests'
  /** Which faults count as positive. */
  readonly faults: string
  readonly logs: number
  readonly positives: number
  readonly ap: number
  readonly auc: number
  readonly fpr: number
  readonly reference: { readonly ap: number; readonly auc: number }
  readonly us_per_log: number
}

export interface WindowsResult {
  readonly name: string
  readonly task: 'windows'
  readonly window_s: number
  readonly windows: number
  readonly positives: number
  readonly ap: number
  readonly auc: number
  readonly faults: number
  /** With a window above all but one in a hundred fault-free ones. */
  readonly faults_found: number
  readonly reference: { readonly ap: number; readonly auc: number; readonly faults_found: number }
}

/** Scalar series by the score of the Numenta Anomaly Benchmark: 100 is perfect, 0 is silence. */
export interface MetricsResult {
  readonly name: string
  readonly task: 'metrics'
  readonly standard: number
  readonly reward_low_FP_rate: number
  readonly reward_low_FN_rate: number
  readonly series: number
  readonly points: number
  readonly windows: number
  /** At the threshold that suits the standard profile best. */
  readonly windows_found: number
  readonly us_per_log: number
}

/** The template miner on messages of known kinds; the reference is how many kinds there are. */
export interface TemplatesResult {
  readonly name: string
  readonly task: 'templates'
  readonly grouping_accuracy: number
  readonly messages: number
  readonly templates: number
  readonly reference: { readonly templates: number }
}

export type SetResult = ForestResult | IncidentResult | RequestsResult | WindowsResult | MetricsResult | TemplatesResult
