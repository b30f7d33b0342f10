/** The pages made from code are the ones in the repository. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { generatedPages } from '../../scripts/pages.ts'
import { SETTINGS } from '../../src/config/settings.ts'
import { loadConfig } from '../../src/config.ts'
import { ERROR_CODES } from '../../src/errors.ts'

for (const [path, text] of generatedPages()) {
  test(`${path} is what \`npm run docs\` writes`, () => {
    assert.equal(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'), text)
  })
}

const firstCells = (page: string): string[] =>
  [...page.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '').sort()

test('every setting and every error code is on its page once, and nothing else is', () => {
  const pages = generatedPages()
  assert.deepEqual(firstCells(pages.get('docs/configuration.md') ?? ''), Object.keys(SETTINGS).sort())
  assert.deepEqual(firstCells(pages.get('docs/errors.md') ?? ''), Object.keys(ERROR_CODES).sort())
})

test('.env.example names every setting, and uncommented it is the default configuration', () => {
  const lines = (generatedPages().get('.env.example') ?? '').split('\n')
  const pairs = lines.map((line) => /^#([A-Z][A-Z0-9_]*)=(.*)$/.exec(line)).filter((match) => match !== null)
  const env = Object.fromEntries(pairs.map(([, name, value]) => [name, value]))
  assert.deepEqual(Object.keys(env).sort(), Object.keys(SETTINGS).sort())
  assert.deepEqual(loadConfig(env), loadConfig({}))
})
