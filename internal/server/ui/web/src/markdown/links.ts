/** An address that a text may lead to, or null: http, https and mailto only, whole, not relative to the page. */
export function address(href: string | null | undefined): URL | null {
  const text = decode(href ?? '').trim()
  if (!/^(?:https?:\/\/|mailto:)/i.test(text) || text.length > 4000) return null
  try {
    const url = new URL(text)
    return url.protocol === 'https:' || url.protocol === 'http:' || url.protocol === 'mailto:' ? url : null
  } catch {
    return null
  }
}

/** A link that opens elsewhere and says where it goes: by its title, and in the text where the text names another place. */
export function drawLink(url: URL, content: Node): HTMLAnchorElement {
  const a = anchor(url)
  a.append(content)
  const shown = a.textContent ?? ''
  if (!shown.trim()) a.append(shorten(url.href))
  else if (misleads(shown, url)) a.append(host(url))
  return a
}

/** What stands in place of a picture, which is never fetched: its text and its address. link: whether it may be a link itself. */
export function drawImage(alt: string, href: string | null | undefined, link: boolean): Node {
  const url = address(href)
  const label = alt.trim() || 'image'
  if (url && link) {
    const a = anchor(url)
    a.classList.add('md-image')
    a.append(label + ' ')
    const small = document.createElement('small')
    small.textContent = shorten(url.href)
    a.append(small)
    return a
  }
  const span = document.createElement('span')
  span.className = 'md-image'
  span.textContent = url ? `${label} (${shorten(url.href)})` : label
  return span
}

function anchor(url: URL): HTMLAnchorElement {
  const a = document.createElement('a')
  a.href = url.href
  a.target = '_blank'
  a.rel = 'noopener noreferrer'
  a.title = shorten(url.href, 300)
  return a
}

function host(url: URL): HTMLElement {
  const small = document.createElement('small')
  small.className = 'md-host'
  small.textContent = ` (${url.host || url.pathname})`
  return small
}

/** Whether a link's text looks like an address, and not like the one that it leads to. */
function misleads(text: string, url: URL): boolean {
  if (url.username || url.password) return true
  const m = /^\s*(?:https?:\/\/)?(?:www\.)?((?:[\p{L}\p{N}-]+\.)+\p{L}{2,})(?=[/:?#\s]|$)/iu.exec(text)
  if (!m?.[1]) return false
  return m[1].toLowerCase() !== url.host.replace(/^www\./, '').replace(/:\d+$/, '') && !url.href.toLowerCase().startsWith('mailto:')
}

function shorten(text: string, most = 120): string {
  return text.length > most ? text.slice(0, most - 1) + '…' : text
}

const NAMES = new Map<string, string>([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', '\u00a0'],
])

/** Text with its character references (`&amp;`, `&#65;`) as the characters they stand for. Names that nobody knows stay as they are. */
export function decode(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#[xX]([0-9a-fA-F]{1,6})|#(\d{1,7})|([A-Za-z][A-Za-z0-9]{1,31}));/g, (all, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return named(name, all)
    const code = hex !== undefined ? parseInt(hex, 16) : parseInt(decimal ?? '', 10)
    return code === 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? '\ufffd' : String.fromCodePoint(code)
  })
}

/** What a named reference stands for, by the browser's own list: the name is letters and digits alone. */
function named(name: string, all: string): string {
  let value = NAMES.get(name)
  if (value === undefined) {
    value = new DOMParser().parseFromString(all, 'text/html').body.textContent ?? all
    if (NAMES.size < 3000) NAMES.set(name, value)
  }
  return value
}
