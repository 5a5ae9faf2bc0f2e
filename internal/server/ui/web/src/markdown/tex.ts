import { LIMITS } from './limits'

export interface Formula {
  raw: string
  tex: string
  display: boolean
}

/** A formula at the beginning of a block: `$$` or `\[` to its partner at the end of a line, without a blank line in it. */
export function findDisplay(src: string): Formula | undefined {
  const m = /^ {0,3}(\$\$|\\\[)/.exec(src)
  if (!m) return undefined
  const closer = m[1] === '$$' ? '$$' : '\\]'
  const at = closing(src, m[0].length, closer, LIMITS.tex)
  if (at < 0) return undefined
  const rest = /^[ \t]*(?:\n|$)/.exec(src.slice(at + 2, at + 200))
  const tex = src.slice(m[0].length, at)
  if (!rest || !tex.trim()) return undefined
  return { raw: src.slice(0, at + 2 + rest[0].length), tex, display: true }
}

/**
 * A formula at the beginning of inline text: `$…$`, `$$…$$`, `\(…\)` or `\[…\]`. before: the character in front of it.
 *
 * Money is no mathematics: what stands between two dollars is a formula only if it touches both, the first one stands behind no letter, digit or dollar and
 * the second one before none, there is no code in it, and it does not go on in words behind a number ("$5 of my $10").
 */
export function findFormula(src: string, before: string): Formula | undefined {
  if (src.startsWith('\\(') || src.startsWith('\\[')) return between(src, 2, src[1] === '(' ? '\\)' : '\\]', src[1] === '[')
  if (src.startsWith('$$')) return before === '$' ? undefined : between(src, 2, '$$', true)
  if (src[0] !== '$' || /[\p{L}\p{N}$\\]/u.test(before)) return undefined
  if (/^\$(?:\s|$)/.test(src)) return undefined
  const at = closing(src, 1, '$', LIMITS.inlineTex)
  if (at < 0 || /\s/.test(src[at - 1] ?? ' ') || /[\p{L}\p{N}$]/u.test(src[at + 1] ?? '')) return undefined
  const tex = src.slice(1, at)
  if (tex.includes('`') || prose(tex)) return undefined
  return { raw: src.slice(0, at + 1), tex, display: false }
}

/** Whether it is a sum of money with words, not a term. */
function prose(tex: string): boolean {
  return /^\d/.test(tex) && /(?:^|\s)(?<!\\)[A-Za-z]{3,}/.test(tex.replace(/\\(?:text|mathrm|operatorname|mbox)\s*\{[^}]*\}/g, ''))
}

function between(src: string, from: number, closer: string, display: boolean): Formula | undefined {
  const at = closing(src, from, closer, display ? LIMITS.tex : LIMITS.inlineTex)
  const tex = src.slice(from, at)
  if (at < 0 || !tex.trim() || (closer === '$$' && tex.includes('$'))) return undefined
  return { raw: src.slice(0, at + closer.length), tex, display }
}

/** Where the closer stands, or -1 where there is none before a blank line or the limit. */
function closing(src: string, from: number, closer: string, limit: number): number {
  const end = Math.min(src.length, from + limit)
  for (let i = from; i < end; i++) {
    const c = src[i]
    if (c === '\n' && /^\n[ \t]*(?:\n|$)/.test(src.slice(i, i + 200))) return -1
    if (src.startsWith(closer, i)) return i
    if (c === '\\') i++
  }
  return -1
}
