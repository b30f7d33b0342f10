/** Replays made on the spot by the data's own generator, a Python program that needs numpy. */
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { messageOf, ProcessorError } from '../errors.ts'
import { scratchFolder } from '../scratch-folder.ts'

/** A Python that has numpy, by itself or with the packages of a folder. */
export interface Python {
  readonly command: string
  readonly packages: string | null
}

const run = promisify(execFile)
const ADD_PACKAGES = 'import sys; sys.path.insert(0, sys.argv.pop(1))'
const RUN_PROGRAM = 'import runpy; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name="__main__")'

/** Commands that may be a Python with numpy, in the order in which they are tried. */
export const PYTHONS: readonly string[] = ['python3', '/usr/bin/python3', 'python']

/** The first that has numpy; null where none has. */
export async function pythonWithNumpy(candidates: readonly string[]): Promise<Python | null> {
  for (const command of candidates) {
    if (await succeeds(command, ['-c', 'import numpy'])) return { command, packages: null }
  }
  return null
}

/** The first that can install numpy into the folder, which the caller removes; null where none can. */
export async function pythonGivenNumpy(candidates: readonly string[], folder: string): Promise<Python | null> {
  for (const command of candidates) {
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', folder, 'numpy']
    if (await succeeds(command, args)) return { command, packages: folder }
  }
  return null
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  )
}

/** Generates the seed's replay (180 MB, half a minute), hands its folder on and removes it again. */
export async function withGeneratedReplay<T>(
  { generator, seed, python }: { generator: string; seed: number; python: Python | null },
  use: (folder: string) => Promise<T>,
): Promise<T> {
  if (python === null) {
    throw new ProcessorError(
      'INPUT',
      'the generator of replays needs Python with numpy (Debian: apt-get install python3-numpy; or name one with --python)',
    )
  }
  const folder = await scratchFolder('replay')
  try {
    const program = [generator, String(seed), folder]
    const { command, packages } = python
    const args = packages === null ? program : ['-c', `${ADD_PACKAGES}; ${RUN_PROGRAM}`, packages, ...program]
    await run(command, args).catch((error: unknown) => {
      throw new ProcessorError('INPUT', `${generator} ${seed}: ${messageOf(error)}`, { cause: error })
    })
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
