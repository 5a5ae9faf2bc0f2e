/** Cuts text at its marks, [from, to) in UTF-16 units as strings have them here; marks that lie outside or overlap are cut to fit. */
export function pieces(text: string, marks: readonly (readonly [number, number])[]): { text: string; marked: boolean }[] {
  const out: { text: string; marked: boolean }[] = []
  let at = 0
  for (const [from, to] of [...marks].sort((a, b) => a[0] - b[0])) {
    const a = Math.max(at, Math.min(from, text.length))
    const b = Math.max(a, Math.min(to, text.length))
    if (a > at) out.push({ text: text.slice(at, a), marked: false })
    if (b > a) out.push({ text: text.slice(a, b), marked: true })
    at = b
  }
  if (at < text.length) out.push({ text: text.slice(at), marked: false })
  return out
}
