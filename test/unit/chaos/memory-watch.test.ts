import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partsOf, peakText } from '../../chaos/memory-watch.ts'

const page = `# TYPE nodejs_heap_size_total_bytes gauge
nodejs_heap_size_total_bytes 94371840
nodejs_heap_size_used_bytes 41943040
nodejs_external_memory_bytes 62914560
insighthub_buffered_bytes 31457280
`

test('what a worker holds is read from its page of metrics', () => {
  assert.deepEqual(partsOf(page), { heap: 90, heapUsed: 40, external: 60, buffered: 30 })
  assert.deepEqual(partsOf(''), { heap: 0, heapUsed: 0, external: 0, buffered: 0 })
})

test('the rest of the whole is told too, and a worker that did not answer', () => {
  assert.equal(
    peakText({ rssMb: 250, parts: partsOf(page) }),
    'the largest worker had 250 MB: heap 90 (40 in use), buffers 60 (30 of them records), else 100',
  )
  assert.equal(peakText({ rssMb: 250, parts: null }), 'the largest worker had 250 MB, and did not say of what')
})
