/**
 * CPU time and memory of process trees, out of Linux's /proc: a worker and its children, PostgreSQL and its backends. What a process
 * had used when it ended is in its parent's account of waited-for children, so a sum over a tree never goes back.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ: 100 on every platform that Linux has had for twenty years. */
const TICKS_PER_SECOND = 100

export interface ProcessStat {
  readonly pid: number
  readonly parent: number
  readonly command: string
  /** Of the process itself, in seconds. */
  readonly ownSeconds: number
  /** Of its children that ended and were waited for, theirs included. */
  readonly reapedSeconds: number
}

/** A line of /proc/PID/stat (proc(5)): the command stands in parentheses and may hold blanks and parentheses itself. */
export function parseStat(line: string): ProcessStat | null {
  const [open, close] = [line.indexOf('('), line.lastIndexOf(')')]
  const fields = line
    .slice(close + 2)
    .trim()
    .split(' ')
  if (open < 0 || close < open || fields.length < 15) return null
  const number = (field: number): number => Number(fields[field - 3])
  return {
    pid: Number(line.slice(0, open)),
    parent: number(4),
    command: line.slice(open + 1, close),
    ownSeconds: (number(14) + number(15)) / TICKS_PER_SECOND,
    reapedSeconds: (number(16) + number(17)) / TICKS_PER_SECOND,
  }
}

/** The process and all that descend from it. */
export function treeOf(root: number, all: readonly ProcessStat[]): ProcessStat[] {
  const found = all.filter(({ pid }) => pid === root)
  for (let at = 0; at < found.length; at++) {
    for (const each of all) if (each.parent === found[at]?.pid) found.push(each)
  }
  return found
}

export function cpuSecondsOf(tree: readonly ProcessStat[]): number {
  return tree.reduce((sum, { ownSeconds, reapedSeconds }) => sum + ownSeconds + reapedSeconds, 0)
}

/** Every process that can be seen; empty where there is no /proc. */
function processes(): ProcessStat[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => statOf(Number(name)))
      .filter((stat) => stat !== null)
  } catch {
    return []
  }
}

export function statOf(pid: number): ProcessStat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return null
  }
}

/** CPU-seconds of a process and all below it, those that ended included; null where /proc does not have it. */
export function treeCpuSeconds(root: number): number | null {
  const tree = treeOf(root, processes())
  return tree.length === 0 ? null : cpuSecondsOf(tree)
}

/** The most memory that each process of the tree has held (VmHWM), or holds now (VmRSS), added up, in MB. */
export function treeRssMb(root: number, what: 'VmHWM' | 'VmRSS'): number | null {
  const sizes = treeOf(root, processes()).map(({ pid }) => rssMb(pid, what))
  const known = sizes.filter((size) => size !== null)
  return known.length === 0 ? null : known.reduce((sum, size) => sum + size, 0)
}

/** Of one process, in MB; null where /proc does not have it. */
export function rssMb(pid: number | 'self', what: 'VmHWM' | 'VmRSS'): number | null {
  try {
    const kib = new RegExp(`${what}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? null : Math.round(Number(kib) / 1024)
  } catch {
    return null
  }
}

export interface MachineStat {
  /** Of all cores together, in seconds since the boot: at work for anybody here. Idle, waiting for a disk or taken by the host is not. */
  readonly busySeconds: number
  readonly allSeconds: number
  readonly cores: number
}

/** /proc/stat (proc(5)): user, nice, system, idle, iowait, irq, softirq and steal of all cores, then of each. */
export function parseMachineStat(text: string): MachineStat | null {
  const ticks = (/^cpu +(\d.*)$/m.exec(text)?.[1] ?? '').split(' ').slice(0, 8).map(Number)
  const cores = text.match(/^cpu\d+ /gm)?.length ?? 0
  const [user, nice, system, , , irq, softirq] = ticks
  if (ticks.length < 8 || cores === 0) return null
  const busy = (user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0)
  const all = ticks.reduce((sum, each) => sum + each, 0)
  return { busySeconds: busy / TICKS_PER_SECOND, allSeconds: all / TICKS_PER_SECOND, cores }
}

/** How many of the machine's cores were busy in the mean from this call to the next; null where /proc does not tell. */
export function coresBusySince(): () => number | null {
  const before = machineStat()
  return () => {
    const after = machineStat()
    if (before === null || after === null || after.allSeconds === before.allSeconds) return null
    return ((after.busySeconds - before.busySeconds) / (after.allSeconds - before.allSeconds)) * after.cores
  }
}

function machineStat(): MachineStat | null {
  try {
    return parseMachineStat(readFileSync('/proc/stat', 'utf8'))
  } catch {
    return null
  }
}
