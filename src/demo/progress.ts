/** How far the demo is: a bar on a terminal, a line every two seconds elsewhere, nothing where only JSON is wanted. */
import { Presets, SingleBar } from 'cli-progress'

export class Progress {
  readonly #bar: SingleBar | null
  readonly #quiet: boolean
  #lastLineMs = 0
  #startedMs = performance.now()
  constructor(total: number, quiet: boolean) {
    this.#quiet = quiet
    const bar = {
      format: '  {bar} {percentage}% | {value} of {total} | {rate}/s | lag {lag} | {duration_formatted}',
      hideCursor: true,
      clearOnComplete: false,
    }
    this.#bar =
      !quiet && process.stderr.isTTY ? new SingleBar({ ...bar, stream: process.stderr }, Presets.shades_classic) : null
    this.#bar?.start(total, 0, { rate: 0, lag: 0 })
  }
  update(done: number, sent: number): void {
    const seconds = (performance.now() - this.#startedMs) / 1000
    const rate = Math.round(done / Math.max(0.001, seconds))
    this.#bar?.setTotal(Math.max(sent, this.#bar.getTotal()))
    this.#bar?.update(done, { rate, lag: sent - done })
    if (this.#bar !== null || this.#quiet || performance.now() - this.#lastLineMs < 2000) return
    this.#lastLineMs = performance.now()
    const [stored, perSecond, lag] = [done, rate, sent - done].map((each) => each.toLocaleString('en'))
    process.stderr.write(`  ${stored} stored, ${perSecond}/s, lag ${lag}\n`)
  }
  stop(): void {
    this.#bar?.stop()
  }
}
