import { useId, useState } from 'preact/hooks'
import type { Message } from '../api/types'
import { Icon } from '../parts/Icon'
import { text } from '../text/conversation'
import { Markdown } from './Markdown'

/** What a model thought before it answered: folded, with how long it took. */
export function Reasoning({ m }: { m: Message }) {
  const [open, setOpen] = useState(false)
  const id = useId()
  const thinks = m.status === 'running' && m.thinking === true
  const tokens = m.figures?.reasoning_tokens || m.reasoning_tokens
  return (
    <div class="reasoning">
      <button type="button" class="quiet fold" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        <Icon name="chevron" size={16} /><span>{thinks ? text.thinking(tokens ?? 0) : text.thought(m.figures?.reasoning_ms, tokens)}</span>
      </button>
      <div id={id} class="thoughts" hidden={!open}>{open && <Markdown source={m.reasoning ?? ''} running={thinks} />}</div>
    </div>
  )
}
