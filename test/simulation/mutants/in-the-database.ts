/** Rules of the one transaction, and of what its outcome means. */
import type { OpenSession, Session } from '../../../src/postgres/session.ts'
import { wholeFile } from '../copy-file.ts'
import { SqlError } from '../database.ts'
import { type Mutation, UNCHANGED, type World } from '../world.ts'
import { type Mutant, seams } from './mutant.ts'

const FENCE = 'select ingest_advance('

/** Every session, with some of its calls replaced. */
function sessions(change: (real: Session, world: World, open: OpenSession) => Partial<Session>) {
  return (open: OpenSession, world: World): OpenSession =>
    async () => {
      const real = await open()
      const plain: Session = {
        query: (sql, values) => real.query(sql, values),
        copy: (text, files) => real.copy(text, files),
        inTime: (work, deadlineMs) => real.inTime(work, deadlineMs),
        destroy: () => real.destroy(),
        close: () => real.close(),
        onEnd: (act) => real.onEnd(act),
      }
      return Object.assign(plain, change(real, world, open))
    }
}

function withoutFence(text: string): { fence: string; rest: string } {
  const at = text.indexOf(FENCE)
  return { fence: text.slice(at), rest: text.slice(0, at) }
}

function switches(off: Partial<Mutation['switches']>): Mutation {
  return { ...UNCHANGED, switches: { ...UNCHANGED.switches, ...off } }
}
export const MUTANTS_IN_THE_DATABASE: readonly Mutant[] = [
  {
    name: 'no compare-and-set',
    without: 'a batch commits only where the ledger stands at its first offset',
    attacks: ['P3', 'P4', 'P6', 'P13'],
    ...switches({ compareAndSet: false }),
  },
  {
    name: 'no epoch',
    without: 'a batch commits only under the newest claim',
    attacks: ['P4'],
    ...switches({ fencing: false }),
  },
  {
    name: 'neither compare-and-set nor epoch',
    without: 'whoever is late is refused',
    attacks: ['P4'],
    ...switches({ compareAndSet: false, fencing: false }),
  },
  {
    name: 'epochs counted',
    without: 'an epoch is never given twice, not even after a failover has taken it back',
    attacks: ['P23'],
    ...seams({ epochStep: () => 1 }),
  },
  {
    name: 'commit before write',
    without: 'the position moves with the rows, not before them',
    attacks: ['P1'],
    ...seams({
      openSession: sessions((real) => ({
        copy: async (text, files) => {
          const { fence, rest } = withoutFence(text)
          if (fence !== '') await real.copy(fence, [])
          await real.copy(rest, files)
        },
      })),
    }),
  },
  {
    name: 'write before commit',
    without: 'the rows come with the position, not before it',
    attacks: ['P1', 'P6'],
    ...seams({
      openSession: sessions((real) => ({
        copy: async (text, files) => {
          const { fence, rest } = withoutFence(text)
          await real.copy(rest, files)
          if (fence !== '') await real.copy(fence, [])
        },
      })),
    }),
  },
  {
    name: 'lock first',
    without: 'the ledger is locked last, so that a stopped worker holds up nobody',
    attacks: ['P5'],
    ...seams({
      openSession: sessions((real) => ({
        copy: async (text, files) => {
          const { fence, rest } = withoutFence(text)
          if (fence === '') return await real.copy(text, files)
          await real.query('begin')
          await real.query(fence)
          await real.copy(rest, files)
          const { command } = await real.query('commit')
          if (command !== 'COMMIT') throw new Error(`COMMIT was answered with ${command}`)
        },
      })),
    }),
  },
  {
    name: 'answer lost, ledger read without its lock',
    without: 'an unknown outcome is settled by the same batch through the same check, never by looking',
    attacks: ['P6'],
    ...seams({ openSession: sessions(looksAfterLostAnswers) }),
  },
  {
    name: 'COMMIT tag unchecked',
    without: 'a COMMIT that is answered with ROLLBACK has committed nothing',
    attacks: ['P7'],
    ...seams({
      openSession: sessions((real) => ({
        query: async <Row extends object>(sql: string, values?: unknown[]) => {
          const answer = await real.query<Row & Record<string, unknown>>(sql, values)
          return sql === 'commit' ? { ...answer, command: 'COMMIT' } : answer
        },
      })),
    }),
  },
  {
    name: 'error taken for success',
    without: 'a batch that was not stored is tried again for ever',
    attacks: ['P2'],
    ...seams({
      openSession: sessions((real) => ({ copy: (text, files) => real.copy(text, files).catch(() => undefined) })),
    }),
  },
  {
    name: 'schema error taken for poison',
    without: 'only what PostgreSQL says of a row makes a dead letter',
    attacks: ['P31'],
    ...seams({
      openSession: sessions((real) => ({
        copy: (text, files) =>
          real.copy(text, files).catch((error: unknown) => {
            if (!(error instanceof SqlError) || !error.code.startsWith('42')) throw error
            throw new SqlError('22P02', error.message, { where: 'COPY logs, line 1' })
          }),
      })),
    }),
  },
  {
    name: 'dead letters apart',
    without: 'dead letters are in the transaction of their neighbours',
    attacks: ['P28'],
    ...seams({
      openSession: sessions((real) => ({
        copy: async (text, files) => {
          const letters = /copy ingest_dead_letter [^;]*;/.exec(text)?.[0]
          if (letters === undefined) return await real.copy(text, files)
          await real.copy(letters, files.slice(-1))
          await real.copy(text.replace(letters, ''), files.slice(0, -1))
        },
      })),
    }),
  },
  {
    name: 'no limit for an idle claim',
    without: 'a worker stopped inside its claim lets go of the rows after a while',
    attacks: ['P5'],
    ...seams({
      openSession: sessions((real) => ({
        query: (sql, values) =>
          sql.includes('idle_in_transaction') ? real.query('select 1') : real.query(sql, values),
      })),
    }),
  },
]

/** Reads the ledger after a lost answer; where that says "not yet", sends the batch again as if nothing could have happened since. */
function looksAfterLostAnswers(real: Session, _world: World, open: OpenSession): Partial<Session> {
  return {
    copy: async (text, files) => {
      try {
        await real.copy(text, files)
      } catch (error) {
        if (error instanceof SqlError || !text.includes(FENCE)) throw error
        const copies = files.map(wholeFile)
        const again = await open()
        const lists = [...text.matchAll(/'\{([^}]*)\}'::/g)].map((match) => (match[1] ?? '').split(',').map(Number))
        const incarnation = Number(
          /ingest_advance\([^']*'[^']*', 'UTF8'\), [^']*'[^']*', 'UTF8'\), (\d+)/.exec(text)?.[1],
        )
        const [parts = [], , , tos = []] = lists
        const stands = await Promise.all(
          parts.map(async (part) =>
            Number(
              (await again.query<{ next_offset: string }>('select next_offset', [incarnation, part])).rows[0]
                ?.next_offset,
            ),
          ),
        )
        if (stands.every((next, index) => next === tos[index])) return
        await again.copy(text.replace(FENCE, `${FENCE}/* unchecked */ `), copies)
      }
    },
  }
}
