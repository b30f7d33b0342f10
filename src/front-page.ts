/** What a port shows to a person who opens it in a browser: what it is, how it is, and where its pages are. */

/** Neither scripts nor anything from elsewhere; nobody's frame. For the header content-security-policy. */
export const FRONT_PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
export const FRONT_PAGE_TYPE = 'text/html; charset=utf-8'

const STYLE =
  ':root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}td{padding-right:2rem}'

export interface FrontPage {
  readonly title: string
  /** Any text: it is escaped. */
  readonly state: string
  /** Path and what is there; those that a browser can open by a click are links. */
  readonly pages: readonly { readonly path: string; readonly what: string; readonly link: boolean }[]
}

/** HTML without scripts. */
export function frontPage({ title, state, pages }: FrontPage): string {
  const rows = pages.map(({ path, what, link }) => {
    const name = escaped(path)
    return `<tr><td>${link ? `<a href="${name}">${name}</a>` : `<code>${name}</code>`}</td><td>${escaped(what)}</td></tr>\n`
  })
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${STYLE}</style></head>
<body>
<h1>${escaped(title)}</h1>
<p>${escaped(state)}</p>
<table>
${rows.join('')}</table>
</body>
</html>
`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
