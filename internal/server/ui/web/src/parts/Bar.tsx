import type { ComponentChildren } from 'preact'
import { useLayoutEffect } from 'preact/hooks'
import { drawer, sideHidden } from '../state/side'
import { useStore } from '../state/store'
import { en } from '../text/en'
import { Icon } from './Icon'
import { PanelButton } from './Panel'

/** The head of each view: its title, which is the window's too, what belongs to the view, and the settings. */
export function Bar({ title, children }: { title: string; children?: ComponentChildren }) {
  const hidden = useStore(sideHidden)
  useLayoutEffect(() => {
    document.title = title && title !== en.frame.newChat ? `${title} · ${en.product}` : en.product
  }, [title])
  return (
    <header class="bar">
      <button type="button" class={hidden ? 'quiet square show-chats' : 'quiet square show-chats narrow-only'} aria-label={en.frame.show} title={en.frame.show} onClick={() => (hidden ? sideHidden.set(false) : drawer.set(true))}><Icon name="side" /></button>
      <h1 dir="auto" tabIndex={-1}>{title}</h1>
      <div class="bar-controls">{children}</div>
      <PanelButton name="settings" title={en.frame.settings} icon="settings" />
    </header>
  )
}
