import hljs from 'highlight.js/lib/core'
import { LIMITS } from './limits'
import { colours } from './purify'
import { registerLanguages } from './languages'

registerLanguages(hljs)

/** The name of a language as a person reads it: the first word behind the fence, as it was written. */
function languageOf(info: string | undefined): string {
  const word = /^\s*(?:\{\s*\.?)?([^\s{},:]+)/.exec(info ?? '')?.[1] ?? ''
  return word.length > 30 ? word.slice(0, 30) + '…' : word
}

/**
 * A block of code: a bar with the language and the button `Copy code`, and the code as it was written.
 * colour: whether it is finished, so that it may be coloured.
 */
export function drawCode(text: string, info: string | undefined, colour: boolean): HTMLElement {
  const box = document.createElement('div')
  box.className = 'md-code'
  const bar = document.createElement('div')
  bar.className = 'md-bar'
  const label = document.createElement('span')
  label.className = 'md-language'
  const language = languageOf(info)
  label.textContent = language
  const copy = document.createElement('button')
  copy.type = 'button'
  copy.className = 'md-copy'
  copy.textContent = 'Copy code'
  bar.append(label, copy)
  const pre = document.createElement('pre')
  pre.dir = 'ltr'
  pre.tabIndex = 0
  const code = document.createElement('code')
  const coloured = colour ? highlight(text, language) : null
  if (coloured) code.append(coloured)
  else code.textContent = text
  pre.append(code)
  box.append(bar, pre)
  return box
}

/** The code with its parts in spans of classes; null where the language is not known, or the code too long. */
function highlight(text: string, language: string): DocumentFragment | null {
  if (!language || text.length > LIMITS.highlight || !hljs.getLanguage(language)) return null
  try {
    return colours(hljs.highlight(text, { language, ignoreIllegals: true }).value)
  } catch {
    return null
  }
}
