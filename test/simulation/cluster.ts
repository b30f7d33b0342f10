/** The simulated Kafka cluster: one topic, which may be made again, its leaders, and one group's coordinator. */
import { Coordinator } from './coordinator.ts'
import type { Dice } from './dice.ts'
import { PartitionLog } from './partition-log.ts'
import type { Schedule } from './schedule.ts'

export const NODES: readonly number[] = [1, 2]

export interface SimTopic {
  readonly id: string
  /** How many topics of this name there were before. */
  readonly generation: number
  readonly partitions: PartitionLog[]
}

export class Cluster {
  readonly schedule: Schedule
  readonly coordinator: Coordinator
  readonly clusterId = 'cluster'
  topic: SimTopic
  /** All that there were, the present one last. */
  readonly topics: SimTopic[] = []
  readonly downNodes = new Set<number>()
  /** The group's coordinator answers nobody. */
  coordinatorDown = false
  readonly #dice: Dice

  constructor(schedule: Schedule, dice: Dice, partitions: number) {
    this.schedule = schedule
    this.coordinator = new Coordinator(schedule)
    this.#dice = dice
    this.topic = this.#createTopic(partitions, dice.between(0, 3))
  }

  grow(count: number): void {
    for (let i = 0; i < count; i++) this.topic.partitions.push(this.#newLog(0))
  }

  /** Deleted and made again under the same name. */
  recreate(): void {
    const old = this.topic
    this.topic = this.#createTopic(old.partitions.length, 0)
    this.coordinator.committed.clear()
    for (const log of old.partitions) log.wake()
  }

  /** Another broker leads it. */
  moveLeader(log: PartitionLog): void {
    const others = NODES.filter((node) => node !== log.leader && !this.downNodes.has(node))
    if (others.length === 0) return
    log.ledBy(this.#dice.of(others))
  }

  nodeDown(node: number): void {
    this.downNodes.add(node)
    for (const log of this.topic.partitions) {
      if (log.leader === node) this.moveLeader(log)
    }
  }

  #createTopic(partitions: number, leaderEpoch: number): SimTopic {
    const generation = this.topics.length
    const logs = Array.from({ length: partitions }, () => this.#newLog(leaderEpoch))
    const topic = { id: `${'0'.repeat(31)}${generation + 1}`, generation, partitions: logs }
    this.topics.push(topic)
    return topic
  }

  #newLog(leaderEpoch: number): PartitionLog {
    return new PartitionLog({ leader: this.#dice.of(NODES), leaderEpoch })
  }
}
