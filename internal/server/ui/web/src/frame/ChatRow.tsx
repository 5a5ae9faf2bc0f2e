import { Component } from 'preact'
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { files } from '../api/routes'
import type { Chat } from '../api/types'
import { MenuButton, type Item } from '../parts/Menu'
import { changeChat, chats, deleteChat } from '../state/chats'
import { focusBox } from '../state/focus'
import { onEscape } from '../state/keys'
import { en } from '../text/en'
import { download } from './Settings'

const t = en.chats

interface Props { chat: Chat; open: boolean; reached: boolean }

/** A chat in the list; drawn anew only when it changed. */
export class ChatRow extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    return next.chat !== this.props.chat || next.open !== this.props.open || next.reached !== this.props.reached
  }

  render() {
    return <Row {...this.props} />
  }
}

function Row({ chat, open, reached }: Props) {
  const [editing, setEditing] = useState<'title' | 'folder' | ''>('')
  const title = chat.title || t.untitled
  if (editing) {
    const end = () => {
      setEditing('')
      requestAnimationFrame(() => focusChat(chat.id))
    }
    return (
      <li class="row editing" data-chat={chat.id}>
        {editing === 'title'
          ? <Line label={t.title} value={chat.title} onEnd={end} onKeep={v => v && v !== chat.title && void changeChat(chat.id, { title: v })} />
          : <Line label={t.folder} value={chat.folder ?? ''} hint={t.folderHint} choices={folderNames()} onEnd={end} onKeep={v => v !== (chat.folder ?? '') && void changeChat(chat.id, { folder: v })} />}
      </li>
    )
  }
  const tab = reached ? 0 : -1
  return (
    <li class={open ? 'row open' : 'row'} data-chat={chat.id}>
      {chat.running ? <span class="running" role="img" aria-label={t.running} /> : null}
      <a href={`/chat/${chat.id}`} data-route data-chat={chat.id} tabIndex={tab} title={title} {...(open && { 'aria-current': 'page' as const })}><span dir="auto">{title}</span></a>
      <MenuButton name={t.options(title)} class="quiet square small options" tabIndex={tab} items={() => actions(chat, setEditing)} />
    </li>
  )
}

function actions(chat: Chat, edit: (what: 'title' | 'folder') => void): Item[] {
  return [
    { name: t.rename, icon: 'edit', run: () => edit('title') },
    { name: chat.pinned ? t.unpin : t.pin, icon: 'pin', run: () => void changeChat(chat.id, { pinned: !chat.pinned }) },
    { name: t.folder, icon: 'folder', run: () => edit('folder') },
    {
      name: t.export, icon: 'download', items: [
        { name: t.exportJSON, run: () => download(files.exportAddress('json', chat.id)) },
        { name: t.exportMarkdown, run: () => download(files.exportAddress('markdown', chat.id)) },
      ],
    },
    {
      name: t.delete, icon: 'trash', danger: true, run: () => {
        const next = neighbour(chat.id)
        void deleteChat(chat.id)
        if (next) focusChat(next)
        else focusBox()
      },
    },
  ]
}

/** Puts the focus on a chat in the list; where it is not shown, into the message box. */
function focusChat(id: string): void {
  const link = document.querySelector<HTMLElement>(`.chat-list a[data-chat="${CSS.escape(id)}"]`)
  if (link?.checkVisibility()) link.focus()
  else focusBox()
}

function neighbour(id: string): string | undefined {
  const all = [...document.querySelectorAll<HTMLElement>('.chat-list a[data-chat]')].map(a => a.dataset['chat'])
  const at = all.indexOf(id)
  return all[at + 1] ?? all[at - 1]
}

const folderNames = () => [...new Set([...chats.get().all.values()].flatMap(c => c.folder ?? []))].sort()

/** A line to type a title or folder into: Enter and leaving it keep, Escape does not. */
function Line({ label, value, hint, choices, onKeep, onEnd }: { label: string; value: string; hint?: string; choices?: string[]; onKeep: (value: string) => void; onEnd: () => void }) {
  const ref = useRef<HTMLInputElement>(null)
  const over = useRef(false)
  useLayoutEffect(() => {
    ref.current?.focus()
    ref.current?.select()
    return onEscape('edit', () => end(false))
  }, [])
  const end = (keep: boolean) => {
    if (over.current) return
    over.current = true
    if (keep && ref.current) onKeep(ref.current.value.trim())
    onEnd()
  }
  const list = useId()
  return (
    <>
      <input
        ref={ref} type="text" class="row-edit" aria-label={label} placeholder={hint ?? label} dir="auto" defaultValue={value} autocomplete="off" maxLength={200} list={choices ? list : undefined}
        onKeyDown={e => { if (e.key === 'Enter' && !e.isComposing) { e.preventDefault(); end(true) } }}
        onBlur={() => end(true)}
      />
      {choices && <datalist id={list}>{choices.map(c => <option key={c} value={c} />)}</datalist>}
    </>
  )
}
