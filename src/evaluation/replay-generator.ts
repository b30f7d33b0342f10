/** Replays made on the spot by the data's own generator, a Python program that needs numpy. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf, ProcessorError } from '../errors.ts'

const run = promisify(execFile)

async function pythonWithNumpy(candidates: readonly string[]): Promise<string> {
  for (const python of candidates) {
    const found = await run(python, ['-c', 'import numpy']).then(
      () => true,
      () => false,
    )
    if (found) return python
  }
  throw new ProcessorError(
    'INPUT',
    `the generator of replays needs Python with numpy; none of ${candidates.join(', ')} has it (Debian: apt-get install python3-numpy, or name one with --python)`,
  )
}

/** Generates the seed's replay (180 MB, half a minute), hands its folder on and removes it again. */
export async function withGeneratedReplay<T>(
  { generator, seed, pythons }: { generator: string; seed: number; pythons: readonly string[] },
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const python = await pythonWithNumpy(pythons)
  const folder = await mkdtemp(join(tmpdir(), 'insighthub-replay-'))
  try {
    await run(python, [generator, String(seed), folder]).catch((error: unknown) => {
      throw new ProcessorError('INPUT', `${generator} ${seed}: ${messageOf(error)}`, { cause: error })
    })
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
