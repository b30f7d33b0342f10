/** The demo's last words: where to look next, and at what it left running. */

export interface LeftRunning {
  /** Lines for people. */
  readonly places: readonly string[]
  /** Of the workers, such as http://127.0.0.1:4711. */
  readonly addresses: readonly string[]
  /** By which every command finds the same Kafka, database and namespace; what is empty is left out. */
  readonly env: Readonly<Record<string, string>>
}

/** null: nothing was left running. */
export function whereNext(left: LeftRunning | null): string {
  if (left === null) {
    return [
      'Where to look next: `npm run demo -- --keep` leaves all this running; `npm run demo -- --input FILE` takes your own logs;',
      'README.md has the rest.',
    ].join('\n')
  }
  const { places, addresses, env } = left
  const [first] = addresses
  const settings = { ...env, ...(first === undefined ? {} : { HTTP_PORT: new URL(first).port }) }
  const words = Object.entries(settings).flatMap(([name, value]) => (value === '' ? [] : [`${name}=${value}`]))
  return [
    'Still running:',
    ...places.map((place) => `  ${place}`),
    ...addresses.map((address) => `  worker      ${address}`),
    'In another terminal, other commands see it by these settings:',
    `  export ${words.join(' ')}`,
    '  node bin/insighthub-processor.js status       # or: audit, dead-letters groups, backtest --table, mutes list',
    'Stop with Ctrl-C.',
  ].join('\n')
}
