/** Characters that mean nothing in Markdown where a line of text goes on. */
const PLAIN = /^[\p{L}\p{M}\p{N} ,.;:!?'"()%‘’“”„«»–—…¿¡。，、；：！？（）-]+$/u
/** A text node is cut at about this many characters: the browser measures a node anew that changes. */
const NODE = 4096

/**
 * How text can be put behind a live block without reading it again: only where it goes on with a line of plain text. Null elsewhere.
 *
 * nodes: the block in the page; shown: the text that it shows; text: what it should show.
 */
export function tailFor(nodes: readonly Node[], shown: string, text: string): ((more: string) => void) | null {
  const more = text.slice(shown.length)
  if (!PLAIN.test(more)) return null
  const lineAt = shown.lastIndexOf('\n') + 1
  if (!/^ {0,3}\p{L}/u.test(shown.slice(lineAt, lineAt + 8))) return null
  const end = shown.slice(-80)
  const word = end.slice(end.lastIndexOf(' ') + 1)
  if (word.length > 60 || !PLAIN.test(word + more) || /www\./i.test(word + more) || /[:/@]/.test(word)) return null
  const last = nodes.at(-1)
  if (!(last instanceof HTMLElement) || last.localName !== 'p') return null
  let node: Node | null = last
  while (node && !(node instanceof Text)) {
    if (node instanceof Element && !['p', 'strong', 'em', 'del'].includes(node.localName)) return null
    node = node.lastChild
  }
  const tail = node
  if (!tail || !tail.data.endsWith(word)) return null
  return (added) => {
    if (tail.length < NODE) tail.appendData(added)
    else tail.after(added)
  }
}
