/**
 * `prove`: exactly once, tried on the installation that the environment names (or on embedded parts), with a topic, a group and
 * a schema of its own, its own workers, and faults done to nothing else. What the topic holds is then read back and compared
 * with the tables, and the result written as a certificate. Exit code 0 only where nothing was lost, doubled or altered.
 */
import { rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { messageOf, ProcessorError } from '../errors.ts'
import { type Certificate, certificateJson, certificateMarkdown, certify } from '../proof/certificate.ts'
import { keepScratchFolder, scratchFolder } from '../scratch-folder.ts'
import { counted } from './printable.ts'
import { Proof, type ProveOptions } from './proof.ts'
import { openStage } from './proof-stage.ts'

export async function run(options: ProveOptions, env: NodeJS.ProcessEnv, version: string): Promise<number> {
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort()
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  const tell = (text: string): void => void (options.json === true ? process.stderr : process.stdout).write(`${text}\n`)
  const id = `${Date.now().toString(36)}_${process.pid}`
  const stage = await openStage(env, id, tell)
  const folder = await scratchFolder('prove')
  const proof = new Proof({ options, env, version, stage, folder, tell, signal: interrupted.signal })
  try {
    const certificate = certify(await proof.run())
    const files = await writeCertificate(certificate, id)
    for (const line of verdictLines(certificate)) tell(line)
    tell(`Certificate: ${files.join('\n             ')}`)
    if (options.json === true) process.stdout.write(certificateJson(certificate))
    return certificate.verdict === 'exactly once' ? 0 : 1
  } finally {
    process.removeListener('SIGINT', interrupt)
    process.removeListener('SIGTERM', interrupt)
    await proof.close()
    const left = await stage.close(options.keep === true)
    if (options.keep === true) left.push(`the workers' output in ${await keepScratchFolder(folder)}`)
    else await rm(folder, { recursive: true, force: true })
    if (left.length > 0) tell(`Left behind: ${left.join(', ')}`)
  }
}

async function writeCertificate(certificate: Certificate, id: string): Promise<string[]> {
  const name = resolve(`insighthub-certificate-${id}`)
  const files = [`${name}.md`, `${name}.json`]
  const texts = [certificateMarkdown(certificate), certificateJson(certificate)]
  for (const [at, file] of files.entries()) {
    await writeFile(file, texts[at] ?? '').catch((error: unknown) => {
      throw new ProcessorError('INPUT', `${file}: ${messageOf(error)}`, { cause: error })
    })
  }
  return files
}

function verdictLines({
  verdict,
  reasons,
  messages,
  rows,
  faults,
  lost,
  duplicated,
  altered,
  late,
  lateAfterMs,
  seed,
}: Certificate): string[] {
  const what = `${messages.inTopic} messages, ${rows.expected} rows, ${counted(faults.length, 'fault')}: lost ${lost}, duplicated ${duplicated}, altered ${altered} (seed ${seed})`
  const slow =
    late === 0
      ? []
      : [`  ${counted(late, 'row')} stored more than ${lateAfterMs / 1000} s after the record: late, not wrong`]
  return verdict === 'exactly once'
    ? [`✓ Exactly once: ${what}`, ...slow]
    : [`✗ Not exactly once: ${what}`, ...reasons.map((reason) => `  - ${reason}`), ...slow]
}
