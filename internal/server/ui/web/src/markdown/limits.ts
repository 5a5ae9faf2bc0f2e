/** Bounds for hostile text. What is beyond them is shown as plain text; all are far above what people and models write. */
export const LIMITS = {
  /** Characters of one piece that are read as Markdown. */
  piece: 1_000_000,
  /** Quotes and lists in one another, in the source and in the page. */
  depth: 24,
  /** Columns of indentation. */
  indent: 120,
  /** Characters of a code block that are coloured. */
  highlight: 30_000,
  /** Characters, and braces in one another, of a formula. */
  tex: 6_000,
  braces: 48,
  /** Characters of a formula inside a line. */
  inlineTex: 1_500,
  /** Reference definitions of one text. */
  definitions: 5_000,
} as const

/** Whether a piece is shown as plain text, because it is too long or nested too deep to be read in bounded time. */
export function beyond(text: string): boolean {
  if (text.length > LIMITS.piece) return true
  for (let at = 0; at < text.length; ) {
    let end = text.indexOf('\n', at)
    if (end < 0) end = text.length
    if (deep(text, at, end)) return true
    at = end + 1
  }
  return false
}

/** Whether a line begins with too many marks of quotes and lists, or too far to the right. */
function deep(text: string, from: number, to: number): boolean {
  let marks = 0
  let spaces = 0
  for (let i = from; i < to; i++) {
    const c = text[i]
    if (c === ' ') spaces++
    else if (c === '\t') spaces += 4
    else if (c === '>') marks++
    else if ((c === '-' || c === '*' || c === '+') && text[i + 1] === ' ') marks++
    else if (c !== undefined && c >= '0' && c <= '9') {
      let j = i
      while (j < to && j - i < 9 && text[j]! >= '0' && text[j]! <= '9') j++
      if ((text[j] !== '.' && text[j] !== ')') || text[j + 1] !== ' ') break
      i = j
      marks++
    } else break
    if (marks > LIMITS.depth || spaces > LIMITS.indent) return true
  }
  return false
}
