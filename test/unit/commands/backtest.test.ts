import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Backtest, type BacktestOptions, run, told } from '../../../src/commands/backtest.ts'
import { RescoringTally } from '../../../src/evaluation/rescoring.ts'
import { epochMs, type LogEvent } from '../../../src/log.ts'

const NOON_MS = Date.parse('2026-01-01T12:00:00Z')

function log(offset: number, service: string, message = 'm'): LogEvent {
  return {
    partition: 0,
    offset,
    item: 0,
    service,
    level: 'INFO',
    message,
    latencyMs: null,
    createdAt: epochMs(NOON_MS + offset * 3_600_000),
    recordTimestamp: null,
    userId: null,
    metadata: null,
  }
}

function backtest(tally: RescoringTally, over: Partial<Backtest> = {}): Backtest {
  return { from: 'table', against: 'stored', settings: {}, learned_from: 0, ...tally.result(), ...over }
}

const opinion = (score: number, why: string | null = null) => ({
  score,
  isAnomaly: score >= 0.65,
  explanation: why === null ? null : JSON.stringify({ why }),
})

test('options that do not fit together are refused before anything is read', async () => {
  const options = (over: Partial<BacktestOptions>): BacktestOptions => ({ set: [], learnHours: 24, ...over })
  const refused: [Partial<BacktestOptions>, RegExp][] = [
    [{}, /^expected either --table or --topic/],
    [{ table: true, topic: true }, /^expected either --table or --topic/],
    [{ table: true, offsets: '0:1-2' }, /^--offsets are those of a topic/],
    [{ topic: true, against: 'stored' }, /^a topic holds no scores to compare with/],
    [{ table: true, since: 'yesterday' }, /--since.*yesterday/],
    [{ topic: true, offsets: '0:5' }, /^--offsets 0:5: expected partition:from-to/],
    [{ topic: true, offsets: '0:1-2,1:9-9' }, /^--offsets 1:9-9: expected an end behind its beginning/],
    [{ topic: true, offsets: '0:1-2,0:5-9' }, /^--offsets 0:5-9: expected each partition once/],
    [{ table: true, set: ['threshold=0.7'] }, /^--set threshold=0\.7: expected NAME=VALUE/],
    [{ table: true, set: ['ANOMALY_THRESHOLD'] }, /^--set ANOMALY_THRESHOLD: expected NAME=VALUE/],
    [{ table: true, set: ['=1\u001b[31m'] }, /^--set =1\S*: expected NAME=VALUE/],
    [{ table: true, set: ['ANOMALY_TRESHOLD=0.7'] }, /^--set ANOMALY_TRESHOLD: expected .*ANOMALY_THRESHOLD/],
    [{ table: true, set: ['KAFKA_TOPIC=other'] }, /^--set KAFKA_TOPIC: expected a setting of the scoring/],
    [{ table: true, threshold: '2' }, /ANOMALY_THRESHOLD/],
    [{ table: true, labels: '/nowhere/labels.csv' }, /nowhere/],
  ]
  for (const [over, message] of refused) {
    const error = await run(options(over), {}).then(
      () => assert.fail(`not refused: ${JSON.stringify(over)}`),
      (reason: Error) => reason,
    )
    assert.match(error.message, message)
    assert.ok(!error.message.includes('\u001b'))
  }
})

test('where there is nothing to judge it says so, and where it looked', () => {
  assert.equal(told(backtest(new RescoringTally())), 'nothing to judge: no logs in the table from there to there\n')
})

test('what would change is told by side, by service and by the strongest logs', () => {
  const tally = new RescoringTally()
  tally.add(log(0, 'auth'), { before: opinion(0.1), after: opinion(0.2) }, null)
  tally.add(log(6, 'auth', 'sign-in \u001b[31mfailed'), { before: opinion(0.6), after: opinion(0.8, 'rare') }, null)
  tally.add(log(12, 'pay'), { before: opinion(0.7, 'late'), after: opinion(0.5) }, null)
  tally.add(log(24, 'pay'), { before: opinion(0.9), after: opinion(0.9) }, null)
  const text = told(backtest(tally, { settings: { ANOMALY_THRESHOLD: '0.65' }, learned_from: 7 }))
  const rows = text.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  const row = (name: string): string[] | undefined => rows.find((cells) => cells[1] === name)?.slice(1, -1)

  assert.match(text, /^4 logs of 1\.0 days out of the table, after 7 that only taught; ANOMALY_THRESHOLD=0\.65\n/)
  assert.deepEqual(row('as stored'), ['as stored', '2', '50 %', '2.0', '0.575'])
  assert.deepEqual(row('as set otherwise'), ['as set otherwise', '2', '50 %', '2.0', '0.600'])
  assert.ok(text.includes('\nnewly flagged 1, no longer flagged 1\n'))
  assert.deepEqual(row('auth'), ['auth', '2', '0', '1', '1', '0'])
  assert.deepEqual(row('pay'), ['pay', '2', '2', '1', '0', '1'])
  const [newly = '', gone = ''] = text.split('newly flagged, highest first\n')[1]?.split('no longer flagged') ?? []
  assert.match(newly, /^ {2}0\.60 -> 0\.80 {2}2026-01-01T18:00:00\S* {2}auth {2}INFO {2}sign-in .*failed\n {6}rare\n/)
  assert.match(gone, /0\.70 -> 0\.50 {2}2026-01-02T00:00:00\S* {2}pay {2}INFO {2}m\n {6}late\n/)
  assert.ok(!text.includes('\u001b'), 'no control of a message reaches the terminal')
})

test('labels add how right each side is, and no figure is made up where there is none', () => {
  const tally = new RescoringTally()
  tally.add(log(0, 'a'), { before: opinion(0.1), after: opinion(0.9) }, 1)
  tally.add(log(1, 'a'), { before: opinion(0.1), after: opinion(0.9) }, 0)
  const text = told(backtest(tally, { against: 'settings' }))
  assert.match(text, /\| precision where labelled \| recall \| +F1 \|\n/)
  assert.match(text, /as set now .* - \| +0\.000 \| +- \|\n/)
  assert.match(text, /as judged now .* 0\.500 \| +1\.000 \| +0\.667 \|\n/)
  assert.match(text, /; settings as they are\n/)
})
