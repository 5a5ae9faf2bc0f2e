import temml from 'temml'
import { LIMITS } from './limits'

/**
 * Commands that reach outside a formula (addresses, pictures, attributes, identifiers) or define others, so that the size of what comes out is not that of
 * what went in. A formula with one of them is shown as it was written.
 */
const REFUSED =
  /\\(?:href|url|includegraphics|html[A-Za-z]*|class|id|style|cssId|data|bbox|require|input|include|def|gdef|edef|xdef|let|futurelet|global|long|newcommand|renewcommand|providecommand|DeclareMathOperator|newenvironment|renewenvironment|csname|expandafter|noexpand|catcode|char|@[A-Za-z]*|rule|raisebox|special|write|read|openin|openout|immediate|loop|repeat|message|show)(?![A-Za-z])/

/** Lengths above this many em are absurd in a text. */
const MAX_SIZE: [number, number] = [20, 200]

/** The styles that Temml sets on MathML and that stay. All others are taken away. */
const STYLES = new Set(['padding', 'padding-left', 'padding-right', 'padding-top', 'padding-bottom', 'text-align', 'border-top', 'border-bottom', 'border-left', 'border-right', 'border', 'math-depth', 'font-weight', 'width', 'height', 'color', 'margin-left'])
const VALUE = /^[-#%(),. a-zA-Z0-9]{1,60}$/

const kept = new Map<string, Element | null>()
const KEEP = 300

/** Draws a formula as MathML; null where it is refused, too large or wrong. The work is bounded by the limits on the source. */
export function drawFormula(tex: string, display: boolean): Element | null {
  const key = (display ? 'D' : 'I') + tex
  let node = kept.get(key)
  if (node === undefined) {
    node = tooMuch(tex) ? null : draw(tex, display)
    if (kept.size >= KEEP) kept.delete(kept.keys().next().value ?? '')
    kept.set(key, node)
  }
  return node && (node.cloneNode(true) as Element)
}

function tooMuch(tex: string): boolean {
  if (tex.length > LIMITS.tex || REFUSED.test(tex)) return true
  let depth = 0
  for (const c of tex) {
    if (c === '{') depth++
    else if (c === '}') depth--
    if (depth > LIMITS.braces) return true
  }
  // scripts, roots and fences can stand in one another without braces
  return (tex.match(/\\left|\\begin|\\sqrt|\\[dt]?frac/g)?.length ?? 0) > 200 || /(?:\\[a-zA-Z]+\s*){60}/.test(tex)
}

function draw(tex: string, display: boolean): Element | null {
  const holder = document.createElement('span')
  try {
    temml.render(tex, holder, { displayMode: display, throwOnError: true, trust: false, strict: false, maxExpand: 300, maxSize: MAX_SIZE, annotate: false, macros: {} })
  } catch {
    return null
  }
  const math = holder.firstElementChild
  if (!math || math.localName !== 'math' || holder.childElementCount !== 1) return null
  for (const e of [math, ...math.querySelectorAll('*')]) tame(e as MathMLElement)
  if (display) math.setAttribute('display', 'block')
  return math
}

/** Leaves only the known styles on an element, each with a plain value. */
function tame(e: MathMLElement): void {
  const style = e.style as CSSStyleDeclaration | undefined
  if (!e.hasAttribute('style') || !style) return
  const keep: [string, string][] = []
  for (let i = 0; i < style.length; i++) {
    const name = style.item(i)
    const value = style.getPropertyValue(name)
    if (STYLES.has(name) && VALUE.test(value) && !/url|expression|var|calc|attr/i.test(value)) keep.push([name, value])
  }
  e.removeAttribute('style')
  for (const [name, value] of keep) style.setProperty(name, value)
}
