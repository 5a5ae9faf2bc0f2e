import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { wordsOf } from '../state/notices'
import { en } from '../text/en'
import { Dialog } from './Dialog'

interface Props {
  title: string
  children: ComponentChildren
  /** The name of the button that does it. */
  action: string
  /** Does it; what it throws is shown and the dialog stays. */
  onConfirm: () => void | Promise<void>
  onClose: () => void
  danger?: boolean
}

/** A question before something that cannot be undone. */
export function Confirm({ title, children, action, onConfirm, onClose, danger }: Props) {
  const [state, setState] = useState({ busy: false, error: '' })
  const confirm = async () => {
    setState({ busy: true, error: '' })
    try {
      await onConfirm()
      onClose()
    } catch (e) {
      setState({ busy: false, error: wordsOf(e) })
    }
  }
  return (
    <Dialog
      title={title} onClose={onClose} role="alertdialog"
      actions={<>
        <button type="button" class="button" onClick={onClose}>{en.common.cancel}</button>
        <button type="button" class={danger ? 'button danger' : 'button primary'} disabled={state.busy} onClick={() => void confirm()}>{action}</button>
      </>}
    >
      {children}
      {state.error && <p class="error" role="alert">{state.error}</p>}
    </Dialog>
  )
}
