/** The believable system of the demo: a shop of a dozen services, what each of them logs, and how often. */

export interface Operation {
  /** `{id}`, `{user}`, `{n}` and `{host}` are filled in. */
  readonly message: string
  /** Share among the operations of its service. */
  readonly weight: number
  /** Median and log-normal spread; null: this operation has no latency. */
  readonly latencyMs: { readonly median: number; readonly sigma: number } | null
}

export interface Service {
  readonly name: string
  /** Share of the system's logs. */
  readonly weight: number
  /** How strongly it follows the day: 0 not at all. */
  readonly dayRhythm: number
  readonly errorShare: number
  readonly warnShare: number
  readonly operations: readonly Operation[]
  readonly errors: readonly string[]
  readonly warnings: readonly string[]
}

const ms = (median: number, sigma = 0.45): Operation['latencyMs'] => ({ median, sigma })

function service(
  name: string,
  traffic: { weight: number; dayRhythm: number; errorShare: number },
  operations: readonly (readonly [message: string, weight: number, latencyMs: Operation['latencyMs']])[],
  trouble: readonly [errors: readonly string[], warnings: readonly string[]],
): Service {
  return {
    name,
    ...traffic,
    warnShare: 0.012,
    operations: operations.map(([message, weight, latencyMs]) => ({ message, weight, latencyMs })),
    errors: trouble[0],
    warnings: trouble[1],
  }
}

const REFUSED = 'connection refused to {host}:5432'
const SLOW = 'slow query on {host}, {n} rows scanned'

export const SYSTEM: readonly Service[] = [
  service(
    'api-gateway',
    { weight: 26, dayRhythm: 0.6, errorShare: 0.004 },
    [
      ['GET /api/v1/products/{n} 200', 5, ms(35)],
      ['GET /api/v1/cart 200', 3, ms(28)],
      ['POST /api/v1/orders 201 request_id={id}', 1, ms(180, 0.5)],
    ],
    [['upstream timeout for request {id}'], ['rate limit near for client {user}']],
  ),
  service(
    'auth-service',
    { weight: 11, dayRhythm: 0.6, errorShare: 0.01 },
    [
      ['token issued for {user}', 4, ms(20, 0.4)],
      ['session {id} refreshed', 3, ms(9, 0.4)],
      ['login of {user} from {host}', 1, ms(110)],
    ],
    [['invalid credentials for {user}'], ['token of {user} expires soon']],
  ),
  service(
    'payment-service',
    { weight: 6, dayRhythm: 0.5, errorShare: 0.006 },
    [
      ['payment {id} authorized', 3, ms(180, 0.5)],
      ['payment {id} captured', 2, ms(140, 0.5)],
      ['refund {id} queued', 0.3, ms(60)],
    ],
    [['card of {user} declined', 'acquirer timeout for payment {id}'], ['retry {n} of payment {id}']],
  ),
  service(
    'order-service',
    { weight: 8, dayRhythm: 0.6, errorShare: 0.006 },
    [
      ['order {id} created', 2, ms(90, 0.5)],
      ['order {id} updated', 3, ms(45)],
      ['order {id} shipped', 1, ms(70)],
    ],
    [['order {id} not found', REFUSED], [SLOW]],
  ),
  service(
    'inventory-service',
    { weight: 7, dayRhythm: 0.5, errorShare: 0.005 },
    [
      ['reserved {n} items for order {id}', 3, ms(40, 0.6)],
      ['stock level of sku {n} checked', 4, ms(12)],
    ],
    [['sku {n} is unknown'], ['stock of sku {n} below minimum']],
  ),
  service(
    'search-service',
    { weight: 13, dayRhythm: 0.6, errorShare: 0.003 },
    [
      ['query {id} answered with {n} hits', 5, ms(120, 0.8)],
      ['suggestions for {user}', 3, ms(18, 0.5)],
    ],
    [['query {id} cancelled after deadline'], ['cache miss storm on shard {n}']],
  ),
  service(
    'recommendation',
    { weight: 7, dayRhythm: 0.5, errorShare: 0.004 },
    [
      ['recommendations for {user} from cache', 4, ms(15)],
      ['recommendations for {user} computed', 1, ms(300, 0.5)],
    ],
    [['model {id} not loaded'], ['feature store answered late']],
  ),
  service(
    'catalog-service',
    { weight: 9, dayRhythm: 0.5, errorShare: 0.003 },
    [
      ['product {n} read', 6, ms(8, 0.5)],
      ['category {n} listed', 2, ms(25)],
    ],
    [['product {n} has no price'], [SLOW]],
  ),
  service(
    'notification',
    { weight: 5, dayRhythm: 0.5, errorShare: 0.005 },
    [
      ['mail {id} sent to {user}', 3, ms(60, 0.5)],
      ['push {id} delivered', 2, ms(35)],
    ],
    [['mail {id} bounced'], ['provider answered 429, attempt {n}']],
  ),
  service(
    'legacy-crm',
    { weight: 3, dayRhythm: 0.4, errorShare: 0.06 },
    [
      ['customer {user} synchronized', 2, ms(400, 0.6)],
      ['export of {n} customers', 0.5, ms(1200, 0.6)],
    ],
    [['SOAP fault for customer {user}', REFUSED], ['deprecated call by {host}']],
  ),
  service(
    'audit-service',
    { weight: 2, dayRhythm: 0.3, errorShare: 0.002 },
    [['entry {id} written', 1, null]],
    [['entry {id} rejected'], ['queue has {n} entries']],
  ),
  service(
    'batch-worker',
    { weight: 3, dayRhythm: 0, errorShare: 0.01 },
    [
      ['job {id} finished', 2, ms(2000, 0.9)],
      ['job {id} started', 2, null],
    ],
    [['job {id} failed after {n} attempts'], ['job {id} runs longer than planned']],
  ),
]
