/** `ml-engine`: the model as a service of its own, on the port and with the contract of the original ML engine. */
import { setTimeout as sleep } from 'node:timers/promises'
import { loadConfig } from '../config.ts'
import { listen } from '../http/listening.ts'
import { ScoringEngine } from '../ml-engine/engine.ts'
import { createEngineServer } from '../ml-engine/server.ts'
import { StateFile } from '../ml-engine/state-file.ts'
import { StateKeeper } from '../ml-engine/state-keeper.ts'
import { createEngineTelemetry } from '../telemetry/engine-telemetry.ts'
import { scorerSettings } from './scorer-settings.ts'
import { onFirstSignal } from './stop-signals.ts'

async function sleepUntil(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal })
}

/** Runs until a signal; requests in work are answered first. */
export async function run(env: NodeJS.ProcessEnv, version: string): Promise<number> {
  const { config, warnings } = loadConfig(env)
  const { scoring, http, console, limits } = config
  const telemetry = createEngineTelemetry({
    format: console.format,
    write: (text) => void process.stdout.write(text),
    clock: () => performance.now(),
    now: Date.now,
    version,
  })
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => telemetry.consoleWriteLost())
  for (const warning of warnings) telemetry.say(`⚠ ${warning}`)
  const stopping = Promise.withResolvers<string>()
  const ignoreSignals = onFirstSignal(stopping.resolve)
  const engine = new ScoringEngine({
    profile: scoring.profile,
    threshold: scoring.threshold,
    servicesMax: scoring.servicesMax,
    budget: scorerSettings(config).budget,
    now: Date.now,
    failed: (error) => telemetry.detectorFailed(error),
  })
  const { mlEngineStateFile: path, mlEngineStateIntervalMs: intervalMs } = scoring
  const file = path === undefined ? null : new StateFile(path)
  const keeper =
    file === null ? null : new StateKeeper({ engine, file, intervalMs, sleep: sleepUntil, events: telemetry })
  await keeper?.takeUp()
  const server = createEngineServer({
    engine,
    version,
    token: scoring.mlEngineToken,
    events: telemetry,
    metrics: () => telemetry.metricsText(engine.counts()),
  })
  const address = await listen(server, { host: http.host, port: scoring.mlEnginePort, portName: 'ML_ENGINE_PORT' })
  telemetry.say(`✓ ML engine on ${address}`)
  const ended = new AbortController()
  const keeping = keeper?.keep(ended.signal)
  const signal = await stopping.promise
  ignoreSignals()
  telemetry.say(`Stopping (${signal})`)
  const deadline = Promise.withResolvers<void>()
  setTimeout(deadline.resolve, limits.stopTimeoutMs).unref()
  ended.abort()
  const stop = async (): Promise<void> => {
    await server.close()
    await keeping
    await keeper?.write()
  }
  await Promise.race([stop(), deadline.promise])
  telemetry.say('✓ ML engine stopped')
  return 0
}
