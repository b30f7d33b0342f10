/** JSON text that jsonb takes, of anything that JSON.parse returned: storable strings, and no number that a double garbled. */
import type { Coercions } from './coercions.ts'
import { storableText } from './text.ts'

/** A number that was sent in more digits, or with a larger exponent, than a double has. */
export function isInexact(value: unknown): value is number {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return false
  return !Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < 1e21)
}

interface SourceContext {
  readonly source?: string
}

/** As JSON.parse, but such numbers come as the text that was sent. Several times slower. */
export function parseExactly(text: string): unknown {
  const reviver = (_name: string, value: unknown, context?: SourceContext): unknown =>
    isInexact(value) ? (context?.source ?? String(value)) : value
  return JSON.parse(text, reviver)
}

/** Collects JSON text up to a size; past it nothing more is written and `full` is true. */
export class JsonText {
  readonly #lengthMax: number
  readonly #coercions: Coercions
  text = ''

  /** `lengthMax` in UTF-16 units. */
  constructor(lengthMax: number, coercions: Coercions) {
    this.#lengthMax = lengthMax
    this.#coercions = coercions
  }

  get full(): boolean {
    return this.text.length > this.#lengthMax
  }

  /** A member of an object: name, colon, value, and a comma before unless it is the first. */
  member(name: string, value: unknown, first: boolean): void {
    if (this.full) return
    this.text += `${first ? '' : ','}${JSON.stringify(storableText(name))}:`
    this.value(value)
  }

  value(value: unknown): void {
    if (this.full) return
    if (typeof value === 'string') this.text += JSON.stringify(storableText(value))
    else if (typeof value === 'number') this.#number(value)
    else if (Array.isArray(value)) this.#array(value)
    else if (typeof value === 'object' && value !== null) this.#object(value)
    else this.text += value === true ? 'true' : value === false ? 'false' : 'null'
  }

  #number(value: number): void {
    if (isInexact(value)) {
      this.#coercions.inexactNumber = true
      this.#coercions.note('number_as_text')
      this.text += JSON.stringify(String(value))
    } else this.text += String(value)
  }

  #array(values: readonly unknown[]): void {
    this.text += '['
    for (let i = 0; i < values.length && !this.full; i++) {
      if (i > 0) this.text += ','
      this.value(values[i])
    }
    this.text += ']'
  }

  #object(value: object): void {
    this.text += '{'
    let first = true
    for (const name of Object.keys(value)) {
      if (this.full) return
      this.member(name, Reflect.get(value, name), first)
      first = false
    }
    this.text += '}'
  }
}
