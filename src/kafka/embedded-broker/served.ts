/** One API as it is answered: its schema and its handler, joined so that the message types agree. */

import type { Schedule } from './group.ts'
import type { GroupCoordinator } from './group-coordinator.ts'
import type { Api } from './schemas.ts'
import type { Topic, Topics } from './topics.ts'
import type { WireReader, WireWriter } from './wire.ts'

export const NODE_ID = 0

export interface World {
  readonly topics: Topics
  readonly groups: GroupCoordinator
  readonly schedule: Schedule
  readonly clusterId: string
  /** 0: topics are not created by asking for them. */
  readonly autoCreatePartitions: number
  readonly address: () => { readonly host: string; readonly port: number }
  /** Aborts when the broker closes: whoever waits is to stop. */
  readonly closing: AbortSignal
  readonly nextProducerId: () => number
  readonly deleteTopic: (topic: Topic) => void
}
export interface Call {
  readonly world: World
  readonly version: number
  readonly clientId: string
  readonly clientHost: string
}
export interface Served {
  readonly key: number
  readonly min: number
  readonly max: number
  readonly flexibleFrom: number
  /** Reads the request and returns what writes the response; null where the protocol wants no answer. */
  serve(reader: WireReader, call: Call): Promise<((writer: WireWriter) => void) | null>
}

export function served<Request, Response>(
  api: Api<Request, Response>,
  answer: (request: Request, call: Call) => Response | null | Promise<Response | null>,
): Served {
  return {
    key: api.key,
    min: api.min,
    max: api.max,
    flexibleFrom: api.flexibleFrom,
    async serve(reader, call) {
      const response = await answer(api.request.read(reader), call)
      return response === null ? null : (writer) => api.response.write(writer, response)
    },
  }
}
