/** Kafka's error numbers as people find them in its documentation: "NOT_COORDINATOR (16)". */
import { protocolErrorsCodesById } from '@platformatic/kafka'

export function errorName(code: number): string {
  const name = protocolErrorsCodesById[code]
  return name === undefined ? `Kafka's error ${code}` : `${name} (${code})`
}
