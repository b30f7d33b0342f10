/** What goes wrong with exactly-once, as it went wrong elsewhere, and the faults that a running system meets; docs/pitfalls.md. */

export interface Pitfall {
  readonly id: string
  readonly what: string
  /** What it would cost, or what has to happen. */
  readonly outcome: string
}

export const PITFALLS: readonly Pitfall[] = [
  { id: 'P1', what: 'Offsets are committed before the rows are, or by a timer', outcome: 'records lost' },
  { id: 'P2', what: 'The error of a write is caught, logged and passed over', outcome: 'records lost' },
  { id: 'P3', what: 'The group is divided anew while a transaction is under way', outcome: 'rows twice' },
  {
    id: 'P4',
    what: 'A worker is stopped (SIGSTOP, a pause of the machine) for longer than its session and then goes on',
    outcome: 'rows twice',
  },
  {
    id: 'P5',
    what: 'The ledger’s row is locked first, so that a stopped worker keeps it',
    outcome: 'the next owner waits',
  },
  { id: 'P6', what: 'The answer to a COMMIT is lost', outcome: 'rows twice, or lost' },
  { id: 'P7', what: 'COMMIT of an aborted transaction answers ROLLBACK, without an error', outcome: 'records lost' },
  {
    id: 'P8',
    what: 'An answer to a fetch arrives after the partition was given away or positioned anew',
    outcome: 'records skipped',
  },
  { id: 'P9', what: 'A position is kept in memory from one assignment to the next', outcome: 'records skipped' },
  { id: 'P10', what: 'A partition that nobody gave an offset begins at the end of its log', outcome: 'records lost' },
  {
    id: 'P11',
    what: 'A partition is read before its offset is known, and positioned a second time',
    outcome: 'needless resets',
  },
  {
    id: 'P12',
    what: 'The client’s own memory of offsets from an earlier assignment is used',
    outcome: 'records skipped',
  },
  { id: 'P13', what: 'Brokers answer with the whole batch around an offset', outcome: 'rows twice' },
  { id: 'P14', what: 'A batch holds nothing but a transaction marker', outcome: 'an endless loop' },
  { id: 'P15', what: 'Markers and compaction leave offsets without records', outcome: 'false alarms of loss' },
  { id: 'P16', what: 'Retention deletes what was not read yet', outcome: 'a silent reset' },
  {
    id: 'P17',
    what: 'An unclean election cuts the log, and it grows past the old position',
    outcome: 'records skipped in silence',
  },
  {
    id: 'P18',
    what: 'The topic is deleted and made again: offsets begin at 0',
    outcome: 'records skipped, or rows of two topics mixed',
  },
  { id: 'P19', what: 'Another cluster answers at the same address', outcome: 'as P18' },
  { id: 'P20', what: 'Partitions are added', outcome: 'their first records lost' },
  { id: 'P21', what: 'Kafka forgets the offsets of a group that was empty for a week', outcome: 'a reset' },
  { id: 'P22', what: 'The service is started under another group id', outcome: 'everything twice' },
  {
    id: 'P23',
    what: 'A standby that lags takes over: rows and positions of the last moments are gone',
    outcome: 'rows lost',
  },
  { id: 'P24', what: 'The ledger is read from a replica', outcome: 'a stale position' },
  {
    id: 'P25',
    what: 'A primary that was demoted keeps its connections and refuses every write',
    outcome: 'errors for ever',
  },
  {
    id: 'P26',
    what: 'A pooler in transaction mode gives every transaction another session',
    outcome: 'locks and settings of the session lost',
  },
  { id: 'P27', what: 'Chunks are dropped or compressed under the writer', outcome: 'lock waits and odd errors' },
  { id: 'P28', what: 'Dead letters go elsewhere than the rows', outcome: 'a record in both, or in neither' },
  { id: 'P29', what: 'A missing time is filled with the clock', outcome: 'a repeated record differs' },
  { id: 'P30', what: 'One refused row undoes the whole COPY', outcome: 'a batch lost, or stuck' },
  { id: 'P31', what: 'A broken schema is taken for broken rows', outcome: 'everything a dead letter' },
  { id: 'P32', what: 'Two transactions lock the same rows in different orders', outcome: 'deadlock' },
  {
    id: 'P33',
    what: 'The service is restarted because its database is away',
    outcome: 'a storm of restarts and rebalances',
  },
  { id: 'P34', what: 'Everybody tries again at the same moment', outcome: 'the database is overrun as it comes back' },
]

export const FAULTS: readonly Pitfall[] = [
  { id: 'F1', what: 'A worker is killed at any point of its work', outcome: 'another takes over from the ledger' },
  {
    id: 'F2',
    what: 'A worker is stopped for longer than its session, also inside a transaction',
    outcome: 'its partitions go on elsewhere at once; awake, it is fenced',
  },
  { id: 'F3', what: 'The connection ends between COMMIT and its answer', outcome: 'once all the same' },
  { id: 'F4', what: 'The network to PostgreSQL goes dark', outcome: 'given up after 15 s, heartbeats go on' },
  { id: 'F5', what: 'PostgreSQL crashes and restarts, again and again', outcome: 'tried again until it works' },
  { id: 'F6', what: 'One backend is killed or stopped', outcome: 'as F5, as F4' },
  {
    id: 'F7',
    what: 'A lagging standby takes over',
    outcome: 'rows and ledger go back together, Kafka gives the rest again',
  },
  { id: 'F8', what: 'The primary becomes read-only', outcome: 'connected anew' },
  { id: 'F9', what: 'The database’s disk is full, then not', outcome: 'waited for' },
  { id: 'F10', what: 'A broker restarts, a leader or the coordinator moves', outcome: 'followed' },
  { id: 'F11', what: 'Kafka alone cannot be reached', outcome: 'fenced or stored, no back and forth' },
  { id: 'F12', what: 'Workers come and go all the time', outcome: 'progress never stops for long' },
  {
    id: 'F13',
    what: 'Answers to fetches are late, repeated, or leave records out',
    outcome: 'dropped, or asked again',
  },
  { id: 'F14', what: 'The consumer stands still without an error', outcome: 'the watchdog acts' },
  { id: 'F15', what: 'Retention is faster than the reader', outcome: 'a gap with its exact range' },
  {
    id: 'F16',
    what: 'The topic is made again, its log cut, or another cluster answers',
    outcome: 'another incarnation, or an operator is asked',
  },
  { id: 'F17', what: 'Partitions are added under load', outcome: 'read from 0' },
  { id: 'F18', what: 'The ML engine is dead, slow or answers nonsense', outcome: 'the model in the process judges' },
  {
    id: 'F19',
    what: 'Messages that cannot be read, one or all of them',
    outcome: 'dead letters, and the partition moves',
  },
  { id: 'F20', what: 'SIGTERM in any state', outcome: 'a stop in time, nothing lost' },
  { id: 'F21', what: 'The event loop stands still', outcome: 'nothing, or as F2' },
  { id: 'F22', what: 'The wall clock jumps', outcome: 'the same table' },
  { id: 'F23', what: 'A pooler in transaction mode restarts', outcome: 'as F5' },
  { id: 'F24', what: 'Two groups store into one namespace', outcome: 'the second is refused' },
  { id: 'F25', what: 'Deadlocks, lock timeouts, cancelled statements', outcome: 'tried again' },
  {
    id: 'F26',
    what: 'A permission or a column is taken away',
    outcome: 'not ready, no dead letter, goes on when mended',
  },
  { id: 'F27', what: 'A backlog larger than memory', outcome: 'fetching pauses within its budget' },
  {
    id: 'F28',
    what: 'TLS certificates expire or name another host',
    outcome: 'a clear error; what is replaced is used',
  },
  {
    id: 'F29',
    what: 'A transactional producer aborts, or never ends',
    outcome: 'aborted records stored never; waiting is not standing still',
  },
  { id: 'F30', what: 'All of it at once', outcome: 'nothing lost, nothing twice' },
]
