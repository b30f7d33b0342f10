/** A CPU profile of V8 as a page with a flame graph, drawn by d3-flame-graph; everything it needs is in the page. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CpuProfile, type ProfileNode, selfTimes, WAITING } from '../src/bench/cpu-profile.ts'

export interface Flame {
  name: string
  /** Microseconds, those of the children included. */
  value: number
  children: Flame[]
}

const root = resolve(import.meta.dirname, '..')

export function flameOf(profile: CpuProfile): Flame {
  const { nodes } = profile
  const self = selfTimes(profile)
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const build = (node: ProfileNode): Flame => {
    const children = (node.children ?? [])
      .map((id) => byId.get(id))
      .filter((child) => child !== undefined && !WAITING.has(child.callFrame.functionName))
      .map((child) => build(child as ProfileNode))
      .filter(({ value }) => value > 0)
    const value = (self.get(node.id) ?? 0) + children.reduce((sum, child) => sum + child.value, 0)
    return { name: frameName(node), value, children }
  }
  const [first] = nodes
  if (first === undefined) throw new RangeError('a profile without nodes')
  return build(first)
}

function frameName({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return name
  const file = url.startsWith('file:') ? relative(root, fileURLToPath(url)) : url
  return `${name} ${file}:${lineNumber + 1}`
}

/** What d3-flame-graph is made of, each after those that it needs. */
const D3_MODULES = [
  'd3-array',
  'd3-color',
  'd3-dispatch',
  'd3-ease',
  'd3-format',
  'd3-hierarchy',
  'd3-interpolate',
  'd3-selection',
  'd3-time',
  'd3-time-format',
  'd3-timer',
  'd3-transition',
  'd3-scale',
]

/** The build of a d3 module that browsers take, as d3-flame-graph itself would find it. */
function d3Module(flames: string, name: string): string {
  return join(createRequire(flames).resolve(name), '..', '..', 'dist', `${name}.min.js`)
}

export function flameGraph(profile: CpuProfile): string {
  const flames = createRequire(import.meta.url).resolve('d3-flame-graph')
  const styles = join(flames, '..', 'd3-flamegraph.css')
  const script = (file: string): string => `<script>${readFileSync(file, 'utf8')}</script>`
  const data = JSON.stringify(flameOf(profile)).replaceAll('<', '\\u003c')
  return `<!doctype html>
<meta charset="utf-8">
<title>CPU profile</title>
<style>${readFileSync(styles, 'utf8')} body { font-family: sans-serif; margin: 1em }</style>
<p id="details">Width is CPU time; a click zooms.</p>
<div id="chart"></div>
${D3_MODULES.map((name) => script(d3Module(flames, name))).join('\n')}
${script(join(flames, '..', 'd3-flamegraph.umd.min.js'))}
<script>
const chart = flamegraph.default().width(document.body.clientWidth).cellHeight(18).minFrameSize(1).inverted(true)
  .setDetailsElement(document.getElementById('details'))
d3.select('#chart').datum(${data}).call(chart)
</script>
`
}
