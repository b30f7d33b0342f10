/** Messages that JSON can't write as they are, or not in ASCII: what logs hold beside the usual lines. From a seed, as all of the benchmark's. */
import type { Random } from '../demo/random.ts'

export const TEXTS = ['quoted', 'alphabets', 'traces'] as const
export type Text = (typeof TEXTS)[number]

const SENTENCES = [
  'Заказ принят, ожидается оплата картой, номер',
  'Größenänderung für Straße übernommen, Prüfung nötig, Kennung',
  '注文を受け付けました。支払いを待っています。番号',
  'Η παραγγελία ελήφθη και αναμένεται πληρωμή, αριθμός',
  'Paiement refusé après délai dépassé, numéro',
  '🚚 sent, 📦 waits for its turn, number',
] as const
const FRAMES = 24

export function benchText(random: Random, text: Text): string {
  switch (text) {
    case 'quoted':
      return `could not parse "order ${random.below(1_000_000)}" of C:\\spool\\${random.hex(8)}:\n\tunexpected "${random.hex(2)}" in line ${random.below(900)}`
    case 'alphabets':
      return `${SENTENCES[random.below(SENTENCES.length)]} ${random.below(1_000_000)}, 10.0.${random.below(256)}.${random.below(256)}`
    case 'traces':
      return trace(random)
  }
}

/** As Java writes them, about 2 KiB. */
function trace(random: Random): string {
  const frames = Array.from({ length: FRAMES }, (_, depth) => {
    const line = 40 + ((depth * 37) % 400)
    return `\tat com.example.orders.pipeline.step${depth % 7}.OrderStep${depth}.execute(OrderStep${depth}.java:${line})`
  })
  const cause = `java.lang.IllegalStateException: order ${random.below(1_000_000)} is "${random.hex(6)}", not "open"`
  return `${cause}\n${frames.join('\n')}`
}
