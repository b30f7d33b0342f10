/** The OpenAPI 3.1 page of the engine, made from the schemas that parse its requests. */
import { z } from 'zod'
import type { FrontPage } from '../front-page.ts'
import * as schemas from './schemas.ts'
import { SentLog } from './sent-log.ts'

interface Operation {
  readonly summary: string
  readonly parameters?: readonly object[]
  readonly body?: z.ZodType
  readonly answer?: z.ZodType
  readonly mistakes?: readonly number[]
  /** Set where body or answer is no JSON. */
  readonly bodyType?: string
  readonly answerType?: string
  readonly open?: true
}

const MISTAKES: Readonly<Record<number, string>> = {
  400: 'The request cannot be used; the reason is in `error`',
  401: 'A bearer token is needed (ML_ENGINE_TOKEN)',
  404: 'Not found',
  413: 'The body is too large',
  415: 'Not application/json',
  429: 'More requests at once than the engine takes on; try again',
}
const BYTES = 'application/octet-stream'

const explain = { name: 'explain', in: 'query', schema: jsonSchema(schemas.ScoreQuery.shape.explain, 'input') }
const brief = { name: 'brief', in: 'query', schema: jsonSchema(schemas.ScoreQuery.shape.brief, 'input') }
const service = { name: 'service', in: 'path', required: true, schema: { type: 'string' } }

const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/': { get: { summary: 'The list of these routes, for people', answerType: 'text/html' } },
  '/health': { get: { summary: 'Whether it lives', answer: schemas.HealthAnswer, open: true } },
  '/score': {
    post: {
      summary: 'Judges a log, then learns it',
      parameters: [explain, brief],
      body: SentLog,
      answer: schemas.JudgementAnswer,
      mistakes: [400, 413, 415, 429],
    },
  },
  '/score/batch': {
    post: {
      summary: `Judges up to ${schemas.BATCH_LOGS_MAX} logs, 8 MiB of JSON at most, in their order; a bad one answers an error in its place`,
      parameters: [explain, brief],
      body: z.object({ logs: z.array(SentLog).max(schemas.BATCH_LOGS_MAX) }),
      answer: schemas.ScoreBatchAnswer,
      mistakes: [400, 413, 415, 429],
    },
  },
  '/predict': {
    post: {
      summary: 'Judges latency and level by the trained forest alone; learns nothing',
      body: schemas.PredictRequest,
      answer: schemas.PredictAnswer,
      mistakes: [400, 413, 415, 429],
    },
  },
  '/train': {
    post: {
      summary: 'Fits the forest of /predict anew; the live model is not touched',
      body: schemas.TrainRequest,
      answer: schemas.DoneAnswer,
      mistakes: [400, 413, 415, 429],
    },
  },
  '/stats/{service}': {
    get: {
      summary: 'The last five minutes of a service',
      parameters: [service],
      answer: schemas.StatsAnswer,
      mistakes: [404],
    },
  },
  '/alerts': {
    get: {
      summary: 'Services that fell silent or whose traffic dropped, newest first',
      answer: schemas.AlertsAnswer,
    },
  },
  '/snapshot': {
    get: { summary: 'What the live model has learned, as bytes', answerType: BYTES },
    put: {
      summary: 'Goes on from such bytes; refused bytes change nothing',
      bodyType: BYTES,
      answer: schemas.DoneAnswer,
      mistakes: [400, 413, 415, 429],
    },
  },
  '/metrics': { get: { summary: 'Prometheus text format', answerType: 'text/plain' } },
  '/openapi.json': { get: { summary: 'This page', answerType: 'application/json' } },
}

export function openApi(version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const [path, methods] of Object.entries(OPERATIONS)) {
    paths[path] = Object.fromEntries(Object.entries(methods).map(([method, each]) => [method, operation(each)]))
  }
  return {
    openapi: '3.1.0',
    info: { title: 'InsightHub ML engine', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      schemas: { Error: jsonSchema(schemas.ErrorAnswer, 'output') },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
    security: [{}, { token: [] }],
  }
}

/** Every route but the list itself, as `GET /` shows them; those without a parameter can be opened by a click. */
export function routePages(): FrontPage['pages'] {
  return Object.entries(OPERATIONS).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { summary }]) => {
      if (path === '/') return []
      const link = method === 'get' && !path.includes('{')
      return [{ path: link ? path : `${method.toUpperCase()} ${path}`, what: summary, link }]
    }),
  )
}

function operation(each: Operation): object {
  const { summary, parameters, body, bodyType, answer, answerType, mistakes = [], open } = each
  const content =
    answer === undefined
      ? { [answerType ?? BYTES]: {} }
      : { 'application/json': { schema: jsonSchema(answer, 'output') } }
  const errors = [...mistakes, ...(open === true ? [] : [401])].sort((a, b) => a - b)
  return {
    summary,
    ...(parameters === undefined ? {} : { parameters }),
    ...requestBody(body, bodyType),
    responses: {
      200: { description: 'Done', content },
      ...Object.fromEntries(errors.map((status) => [status, mistake(MISTAKES[status] ?? '')])),
    },
    ...(open === true ? { security: [{}] } : {}),
  }
}

function requestBody(body: z.ZodType | undefined, bodyType: string | undefined): object {
  if (bodyType !== undefined) return { requestBody: { required: true, content: { [bodyType]: {} } } }
  if (body === undefined) return {}
  return { requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(body, 'input') } } } }
}

function mistake(description: string): object {
  return { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } }
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' })
  return rest
}
