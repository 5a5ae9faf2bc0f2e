import createPurify from 'dompurify'

const MATH = 'math mi mn mo ms mtext mspace mrow mfrac msqrt mroot msub msup msubsup munder mover munderover mmultiscripts mprescripts none mtable mtr mtd mstyle mpadded mphantom menclose merror semantics'.split(' ')
const HTML = 'p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code div span button table thead tbody tr th td hr br strong em del s u ins mark small sub sup kbd b i a'.split(' ')
const ATTRIBUTES = ['class', 'dir', 'href', 'target', 'rel', 'title', 'type', 'tabindex', 'role', 'aria-label', 'start', 'reversed']
const MATH_ATTRIBUTES =
  'accent accentunder columnalign columnlines columnspacing columnspan depth display displaystyle fence form height largeop linethickness lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation rowlines rowspacing rowspan rspace scriptlevel separator stretchy symmetric voffset width'.split(' ')

// A config that is set once is not read anew for every block.
const blocks = createPurify(window)
blocks.setConfig({
  ALLOWED_TAGS: [...HTML, ...MATH],
  ALLOWED_ATTR: [...ATTRIBUTES, ...MATH_ATTRIBUTES],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  // DOMPurify asks this of every attribute but a few: what begins with a scheme must have one of these
  ALLOWED_URI_REGEXP: /^(?:(?:https?|mailto):|[^a-z]|[a-z+.-]+(?:[^a-z+.:-]|$))/i,
  ADD_URI_SAFE_ATTR: ['title', 'aria-label'],
  IN_PLACE: true,
})

// A style stays on MathML only, where drawFormula left nothing but known lengths, lines and colours.
blocks.addHook('uponSanitizeAttribute', (node, event) => {
  if (event.attrName === 'style' && node.namespaceURI === 'http://www.w3.org/1998/Math/MathML') event.forceKeepAttr = true
})

const spans = createPurify(window)
spans.setConfig({ ALLOWED_TAGS: ['span'], ALLOWED_ATTR: ['class'], ALLOW_DATA_ATTR: false, ALLOW_ARIA_ATTR: false, RETURN_DOM_FRAGMENT: true })

/**
 * Blocks that are cleaned in one document. DOMPurify walks each with a NodeIterator, and until their memory is collected a browser looks at
 * all iterators of a document whenever a node of it leaves its place. So none is of the page's document, and few are of one other.
 */
export const LOT = 64
let cleaned = 0
let aside: Document

/** The nodes without all that the page draws nowhere in a text. They are built without a parser of HTML; this stands behind that. */
export function clean(nodes: readonly Node[]): Node[] {
  if (cleaned++ % LOT === 0) aside = document.implementation.createHTMLDocument()
  const holder = aside.createElement('div')
  holder.append(...nodes)
  blocks.sanitize(holder)
  return [...holder.childNodes]
}

/** The spans that the highlighter wrote. */
export function colours(html: string): DocumentFragment {
  return spans.sanitize(html) as unknown as DocumentFragment
}
