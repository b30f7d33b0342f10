/**
 * `npm run bench`: the command `bench` with everything that is said here, on a real Apache Kafka where java is there. Besides,
 * `--profile FILE.html` draws what the command's profile holds as a flame graph.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { flameGraph } from './flame-graph.ts'
import { realKafka } from './real-kafka.ts'

const main = resolve(import.meta.dirname, '../src/main.ts')

async function run(given: readonly string[]): Promise<number> {
  const kafka = await realKafka(process.env)
  const at = given.indexOf('--profile') + 1
  const html = at > 0 && given[at]?.endsWith('.html') === true ? given[at] : null
  const profile = html?.replace(/\.html$/, '.cpuprofile')
  const args = profile === undefined ? given : given.toSpliced(at, 1, profile)
  const broker = kafka === null ? [] : ['--broker-name', kafka.name]
  const env = kafka === null ? process.env : { ...process.env, KAFKA_BROKER: kafka.address }
  try {
    const child = spawn(process.execPath, [main, 'bench', ...args, ...broker], { env, stdio: 'inherit' })
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => void child.kill(name))
    const [code] = await once(child, 'exit')
    if (code === 0 && html !== null && profile !== undefined) {
      writeFileSync(html, flameGraph(JSON.parse(readFileSync(profile, 'utf8'))))
      process.stdout.write(`${html}\n`)
    }
    return typeof code === 'number' ? code : 1
  } finally {
    await kafka?.close()
  }
}

process.exitCode = await run(process.argv.slice(2).filter((arg, index) => index > 0 || arg !== '--'))
