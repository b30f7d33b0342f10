/** What every part of the benchmark is told. */
export interface PartOptions {
  readonly rows: number
  /** PostgreSQL's first process, where it runs here. */
  readonly postmaster: number | null
}
