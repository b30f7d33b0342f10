/** A worker's events, each handed on with its name. A name is made a method when it is first heard, of all workers' events at once. */
import type { Events } from '../../src/events.ts'

type Tell = (name: string, what: unknown) => void

interface ToldEvents {
  readonly tell: Tell
}

const learned: object = Object.create(
  new Proxy(
    {},
    {
      get: (_, key) => {
        const name = String(key)
        function heard(this: ToldEvents, what: unknown): void {
          this.tell(name, what)
        }
        Object.defineProperty(learned, key, { value: heard })
        return heard
      },
    },
  ),
)

/** All events but `own` are told. They must be called as methods. */
export function toldEvents(tell: Tell, own: Partial<Events>): Events {
  const events: ToldEvents = Object.assign(Object.create(learned), own, { tell })
  return events as ToldEvents & Events
}
