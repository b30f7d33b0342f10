/** Removing what a proof made: its topic and its group. */
import { deleteGroupsV2, deleteTopicsV6, findCoordinatorV4 } from '@platformatic/kafka'
import { ProcessorError } from '../errors.ts'
import { BrokerCluster, type ClusterOptions } from './broker-cluster.ts'
import { errorName } from './error-name.ts'

const GROUP_KEY = 0
const TIMEOUT_MS = 15_000
const UNKNOWN_TOPIC = 3
const GROUP_ID_NOT_FOUND = 69

/** Rejects with KAFKA_REFUSED where Kafka does not let us, KAFKA_UNAVAILABLE where nobody answers. What is not there is no error. */
export async function deleteTopic(options: ClusterOptions, topic: string): Promise<void> {
  await withCluster(options, async (cluster) => {
    const answer = await cluster.anyBroker((connection) =>
      connection.ask((to) => deleteTopicsV6.api.async(to, [{ name: topic, topicId: null }], TIMEOUT_MS), {
        heldMs: TIMEOUT_MS,
      }),
    )
    refuse(answer.responses[0]?.errorCode ?? 0, UNKNOWN_TOPIC, `topic ${topic}`)
  })
}

/** The group must have no members. Rejects as deleteTopic does. */
export async function deleteGroup(options: ClusterOptions, group: string): Promise<void> {
  await withCluster(options, async (cluster) => {
    const found = await cluster.anyBroker((connection) =>
      connection.ask((to) => findCoordinatorV4.api.async(to, GROUP_KEY, [group])),
    )
    const coordinator = found.coordinators[0]
    if (coordinator === undefined) throw new ProcessorError('KAFKA_UNAVAILABLE', `no coordinator for group ${group}`)
    const answer = await cluster.at(coordinator, 'other').ask((to) => deleteGroupsV2.api.async(to, [group]))
    refuse(answer.results[0]?.errorCode ?? 0, GROUP_ID_NOT_FOUND, `group ${group}`)
  })
}

function refuse(errorCode: number, harmless: number, what: string): void {
  if (errorCode === 0 || errorCode === harmless) return
  throw new ProcessorError('KAFKA_REFUSED', `${what} could not be deleted: ${errorName(errorCode)}`)
}

async function withCluster(options: ClusterOptions, work: (cluster: BrokerCluster) => Promise<void>): Promise<void> {
  const cluster = new BrokerCluster(options)
  try {
    await cluster.open()
    await work(cluster)
  } finally {
    cluster.close()
  }
}
