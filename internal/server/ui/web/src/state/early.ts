// What was typed into the box of the page's HTML before the script had run goes into the
// draft of the chat that the address names. This is the first that runs: what is made of
// drafts finds it there.
import { draftOf, keepDraft } from './drafts'
import { route } from './router'

const box = document.querySelector('#app .composer textarea')
if (box instanceof HTMLTextAreaElement && box.value) {
  const r = route.get()
  const chat = r.view === 'chat' ? r.chat : ''
  keepDraft(chat, draftOf(chat) + box.value)
}
