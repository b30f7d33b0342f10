/** What a machine lacks to run every test, each with what is left out for it. The tests read the same conditions. */

export interface LeftOut {
  readonly what: string
  /** Also with CI=true: labelled data are not part of the repository, so that a checkout by itself cannot have them. */
  readonly allowed: boolean
}

export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onPath: (command: string) => boolean
  readonly hasNumpy: () => boolean
}

export function leftOut({ env, onPath, hasNumpy }: Machine): LeftOut[] {
  const found: LeftOut[] = []
  const lacks = (what: string, allowed = false): void => void found.push({ what, allowed })
  if (env['TEST_KAFKA_BROKERS'] === undefined && !(onPath('java') && onPath('mvn')))
    lacks('real Kafka (java and mvn are not both on PATH): the integration tests ran on the embedded broker only')
  if (!onPath('kcat')) lacks('kcat as a client of the embedded broker (kcat is not on PATH)')
  if (!onPath('openssl')) lacks('TLS for Kafka and PostgreSQL (openssl is not on PATH)')
  if ((env['ANOMALY_DATA'] ?? '') === '')
    lacks('scoring on labelled data (ANOMALY_DATA is unset)', env['TEST_WITHOUT_ANOMALY_DATA'] === 'true')
  else if (!hasNumpy()) lacks('replays with incidents (no Python here has numpy)')
  if (env['CI'] !== 'true')
    lacks('thirty kinds of harm done to real parts (ten minutes: with CI=true, or npm run chaos)')
  return found
}
