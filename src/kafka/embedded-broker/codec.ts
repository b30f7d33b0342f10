/** Message schemas out of small parts, each of which knows how to read and write itself; TypeScript infers the message types. */
import { WireError, type WireReader, type WireWriter } from './wire.ts'

export interface Codec<T> {
  read(reader: WireReader): T
  write(writer: WireWriter, value: T): void
}
/** On the wire, but of no interest: read and forgotten, written as a constant, and no part of the message's type. */
export interface Unused extends Codec<unknown> {
  readonly unused: true
}
export type Value<C> = C extends Codec<infer T> ? T : never
type Fields = Readonly<Record<string, Codec<unknown>>>
type Struct<F extends Fields> = { readonly [K in keyof F as F[K] extends Unused ? never : K]: Value<F[K]> }

export const int8: Codec<number> = { read: (from) => from.int8(), write: (to, value) => to.int8(value) }
export const int16: Codec<number> = { read: (from) => from.int16(), write: (to, value) => to.int16(value) }
export const int32: Codec<number> = { read: (from) => from.int32(), write: (to, value) => to.int32(value) }
export const int64: Codec<number> = { read: (from) => from.int64(), write: (to, value) => to.int64(value) }
export const uuid: Codec<string> = { read: (from) => from.uuid(), write: (to, value) => to.uuid(value) }
export const bool: Codec<boolean> = {
  read: (from) => from.int8() !== 0,
  write: (to, value) => to.int8(value ? 1 : 0),
}
export const nullableString: Codec<string | null> = {
  read: (from) => from.string(),
  write: (to, value) => to.string(value),
}
export const string: Codec<string> = {
  read: (from) => present(from.string()),
  write: (to, value) => to.string(value),
}
export const nullableBytes: Codec<Buffer | null> = {
  read: (from) => from.bytes(),
  write: (to, value) => to.bytes(value),
}
export const bytes: Codec<Buffer> = {
  read: (from) => present(from.bytes()),
  write: (to, value) => to.bytes(value),
}
/** A byte string that is written out of several buffers. */
export const rope: Codec<readonly Buffer[]> = {
  read: (from) => [present(from.bytes())],
  write: (to, value) => to.rope(value),
}

export function nullableArray<T>(element: Codec<T>): Codec<readonly T[] | null> {
  return {
    read(from) {
      const count = from.count()
      return count < 0 ? null : Array.from({ length: count }, () => element.read(from))
    },
    write(to, values) {
      to.count(values === null ? -1 : values.length)
      for (const value of values ?? []) element.write(to, value)
    },
  }
}

export function array<T>(element: Codec<T>): Codec<readonly T[]> {
  const nullable = nullableArray(element)
  return { read: (from) => present(nullable.read(from)), write: (to, values) => nullable.write(to, values) }
}

export function struct<F extends Fields>(fields: F): Codec<Struct<F>> {
  const entries = Object.entries(fields)
  return {
    read(from) {
      const value: Record<string, unknown> = {}
      for (const [name, codec] of entries) {
        const field = codec.read(from)
        if (!('unused' in codec)) value[name] = field
      }
      if (from.flexible) from.skipTags()
      return value as Struct<F>
    },
    write(to, value) {
      const values: Readonly<Record<string, unknown>> = value
      for (const [name, codec] of entries) codec.write(to, values[name])
      if (to.flexible) to.unsignedVarint(0)
    },
  }
}

/** A field of the versions [first, last]; in others it reads as `absent` and is not written. */
export function between<T>(first: number, last: number, codec: Codec<T>, absent: T): Codec<T> {
  const has = (version: number): boolean => version >= first && version <= last
  return {
    read: (from) => (has(from.version) ? codec.read(from) : absent),
    write(to, value) {
      if (has(to.version)) codec.write(to, value)
    },
  }
}
export function since<T>(first: number, codec: Codec<T>, absent: T): Codec<T> {
  return between(first, Number.POSITIVE_INFINITY, codec, absent)
}
export function unused<T>(codec: Codec<T>, constant: T): Unused {
  return { unused: true, read: (from) => codec.read(from), write: (to) => codec.write(to, constant) }
}

function present<T>(value: T | null): T {
  if (value === null) throw new WireError('null where the protocol has none')
  return value
}
