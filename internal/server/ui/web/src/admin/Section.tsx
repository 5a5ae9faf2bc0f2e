import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { en } from '../text/en'
import { text } from '../text/admin'
import type { Asked } from './repeat'

interface Props<T> {
  title: string
  hint?: string
  /** What stands at the end of the heading's line. */
  extra?: ComponentChildren
  asked: Asked<T>
  /** What stands there until there is a value. */
  meanwhile?: ComponentChildren
  children: (value: T) => ComponentChildren
}

/** A part of the view with what it shows, or why it cannot. */
export function Section<T>({ title, hint, extra, asked, meanwhile, children }: Props<T>) {
  const id = useId()
  return (
    <section aria-labelledby={id}>
      <div class="section-head"><h2 id={id}>{title}</h2>{extra}</div>
      {hint && <p class="hint">{hint}</p>}
      {asked.error && <p class="error" role="alert">{text.failed(title, asked.error)}</p>}
      {asked.value !== null ? children(asked.value) : !asked.error && (meanwhile ?? <p class="hint">{en.common.loading}</p>)}
    </section>
  )
}

/** A table that scrolls inside itself. */
export function Table({ name, head, children, figures = 0 }: { name: string; head: string[]; children: ComponentChildren; figures?: number }) {
  return (
    <div class="table-box" tabIndex={0} role="group" aria-label={name}>
      <table class="table" aria-label={name}>
        <thead><tr>{head.map((h, i) => <th key={h} scope="col" class={figures && i >= head.length - figures ? 'amount' : ''}>{h}</th>)}</tr></thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}
