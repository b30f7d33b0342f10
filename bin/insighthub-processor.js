#!/usr/bin/env node
/**
 * The launcher: plain JavaScript that any Node from 18 on can run. It sees to the three things the program needs, in this
 * order, and then becomes it: installed dependencies, a Node that runs TypeScript as it stands (>= 24.6), and the entry.
 *
 *   insighthub-processor.js COMMAND ...        src/main.ts in a clone, dist/main.js in the npm package and the image
 *   insighthub-processor.js --script FILE ...  one of the project's own scripts (tests, docs), same preparation
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const NODE_NEEDED = [24, 6]
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const say = (text) => process.stderr.write(`${text}\n`)
// Whoever read our output may have left (`| head -1`): unheard, that would end us with a stack trace.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error) => {
    if (script && error.code !== 'EPIPE') throw error
  })

function fail(text, code = 1) {
  say(text)
  process.exit(code)
}

function isNewEnough(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number)
  return major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1])
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

/** Why node_modules does not match the lock file, or null when it does. Development packages count for scripts only. */
function staleReason(folder, withDevelopment) {
  const wanted = readJson(join(folder, 'package-lock.json'))
  if (wanted === null) return null
  const found = readJson(join(folder, 'node_modules', '.package-lock.json'))
  if (found === null) return 'not installed yet'
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === '' || entry.optional || entry.devOptional || entry.peer || (entry.dev && !withDevelopment)) continue
    if (found.packages?.[path]?.version !== entry.version)
      return `${path.replace(/^.*node_modules\//, '')} is not at ${entry.version}`
  }
  return null
}

/** Runs npm in a folder. Its own environment leaks from an outer `npm run` would point it at the wrong project. */
function npm(folder, args) {
  const env = { ...process.env }
  for (const name of Object.keys(env)) {
    if (/^npm_(config_(local_prefix|prefix|global_prefix|node_gyp|noproxy|init_module)|package_|lifecycle_)/.test(name))
      delete env[name]
  }
  const cli = process.env.npm_execpath
  const [command, before] = cli?.endsWith('.js') ? [process.execPath, [cli]] : ['npm', []]
  const shell = process.platform === 'win32' && command === 'npm'
  const done = spawnSync(command, [...before, ...args], {
    cwd: folder,
    env,
    shell,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (done.error?.code === 'ENOENT')
    fail('npm was not found. Install it (Debian: apt-get install npm) and run this again.')
  const output = `${done.stdout ?? ''}${done.stderr ?? ''}`
  // On a full disk npm warns of files that it could not write, and still ends with 0.
  const ok = done.status === 0 && !/TAR_ENTRY_ERROR|ENOSPC/.test(output)
  if (!ok) rmSync(join(folder, 'node_modules', '.package-lock.json'), { force: true })
  return { ok, output }
}

const NPM_CI = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=warn']

function npmTrouble(what, output) {
  const tail = output
    .trim()
    .split('\n')
    .filter((line) => !/complete log|A complete/.test(line))
    .slice(-6)
    .join('\n')
  if (/ENOSPC/.test(output)) return `${what} failed: the disk is full. Free some space in ${root} and run this again.`
  if (/EACCES|EPERM|EROFS/.test(output))
    return `${what} failed: ${root} cannot be written. Make it writable for this user and run this again.\n${tail}`
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|network/i.test(output))
    return `${what} failed: the npm registry cannot be reached. Check the network or the proxy settings of npm and run this again.\n${tail}`
  return `${what} failed:\n${tail}`
}

/**
 * Two first starts at once must not install into each other. The lock is a folder holding the installer's pid. The work answers
 * what went wrong, or null.
 */
function withInstallLock(work) {
  const lock = join(root, '.runtime', 'install.lock')
  try {
    mkdirSync(join(root, '.runtime'), { recursive: true })
  } catch (error) {
    fail(
      `${root} cannot be written (${error.code}), and something has to be installed there. Make it writable for this user and run this again.`,
    )
  }
  for (let told = false; ; ) {
    try {
      mkdirSync(lock)
      break
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`Cannot create ${lock}: ${error.message}`)
      if (!installerLives(lock)) {
        rmSync(lock, { recursive: true, force: true })
        continue
      }
      if (!told) say('Another start is installing; waiting for it ...')
      told = true
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250)
    }
  }
  let trouble
  try {
    writeFileSync(join(lock, 'pid'), String(process.pid))
    trouble = work()
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
  if (trouble !== null) fail(trouble)
}

function installerLives(lock) {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0)
    return true
  } catch (error) {
    if (error.code === 'EPERM') return true
    // No pid yet: it may be a moment old.
    return error.code === 'ENOENT' && existsSync(lock) && Date.now() - statSync(lock).mtimeMs < 5_000
  }
}

function ensureDependencies(withDevelopment) {
  if (staleReason(root, withDevelopment) === null) return
  withInstallLock(() => {
    const reason = staleReason(root, withDevelopment)
    if (reason === null) return null
    say(`Installing dependencies (npm ci; ${reason}) ...`)
    const { ok, output } = npm(root, NPM_CI)
    return ok ? null : npmTrouble('Installing the dependencies', output)
  })
}

/** The Node to run on: this one, or the project's own, brought from npm once. */
function ensureNode() {
  if (isNewEnough(process.versions.node)) return process.execPath
  const folder = join(root, 'runtime')
  const name = `node-${process.platform}-${process.arch}`
  const binary = join(folder, 'node_modules', name, 'bin', 'node')
  if (existsSync(binary)) return binary
  const needed = `Node ${NODE_NEEDED.join('.')} or newer is needed, this is ${process.versions.node}`
  if (readJson(join(folder, 'package-lock.json'))?.packages?.[`node_modules/${name}`] === undefined)
    fail(
      `${needed}, and none can be brought for ${process.platform}-${process.arch}. Install Node 24 and run this again.`,
    )
  withInstallLock(() => {
    if (existsSync(binary)) return null
    say(`${needed}: bringing Node 24 from npm into ${folder} (about 190 MB, once) ...`)
    const { ok, output } = npm(folder, NPM_CI)
    return ok && existsSync(binary) ? null : npmTrouble('Bringing Node 24', output)
  })
  const tried = spawnSync(binary, ['--version'], { encoding: 'utf8' })
  if (tried.status !== 0)
    fail(
      `The Node brought from npm does not run here: ${(tried.stderr || String(tried.error)).trim()}\nInstall Node 24 and run this again.`,
    )
  return binary
}

function entryOf(args) {
  if (args[0] === '--script') return { file: resolve(root, args[1] ?? ''), rest: args.slice(2), script: true }
  const source = join(root, 'src', 'main.ts')
  return { file: existsSync(source) ? source : join(root, 'dist', 'main.js'), rest: args, script: false }
}

/** Types are taken away and code is compiled once, not at each start: 10 MB less resident. Where the folder can't be written, they are. */
function keepCompiled() {
  process.env.NODE_COMPILE_CACHE ??= join(root, '.cache', 'node-compile')
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE)
}

/** Replaces this process as far as Node can: same streams, signals passed on, same exit. A dead launcher ends the child. */
function become(node, file, rest) {
  const child = spawn(node, [...process.execArgv, file, ...rest], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'])
    process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(`Cannot start ${node}: ${error.message}`))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

const { file, rest, script } = entryOf(process.argv.slice(2))
ensureDependencies(script)
const node = ensureNode()
keepCompiled()
if (node === process.execPath) {
  process.argv.splice(1, process.argv.length - 1, file, ...rest)
  await import(pathToFileURL(file).href)
} else {
  become(node, file, rest)
}
