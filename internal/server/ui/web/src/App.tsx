import { Admin } from './admin/Admin'
import { Conversation } from './conversation/Conversation'
import { Keyboard } from './frame/Keyboard'
import { LineNotice } from './frame/LineNotice'
import { Settings } from './frame/Settings'
import { Side } from './frame/Side'
import { Models } from './models/Models'
import { Bar } from './parts/Bar'
import { Notices } from './parts/Notices'
import { panel } from './state/panel'
import { route, type Route } from './state/router'
import { me } from './state/session'
import { drawer, sideHidden } from './state/side'
import { useStore } from './state/store'
import { en } from './text/en'

/** The whole page. */
export function App() {
  const at = useStore(route)
  const open = useStore(panel, p => p !== '')
  const over = useStore(drawer)
  const away = useStore(sideHidden)
  return (
    <div class={['frame', open && 'with-panel', over && 'with-drawer', away && 'side-away'].filter(Boolean).join(' ')}>
      <Side />
      <main class="main">
        <LineNotice />
        <View at={at} />
      </main>
      <Settings />
      <Notices />
      <Keyboard />
    </div>
  )
}

function View({ at }: { at: Route }) {
  const who = useStore(me)
  if (at.view === 'chat') return <Conversation chat={at.chat} />
  if (who?.scopes.includes(at.view)) return at.view === 'models' ? <Models /> : <Admin />
  return (
    <>
      <Bar title={en.frame[at.view]} />
      {who && <p class="hint empty">{en.frame.notAllowed}</p>}
    </>
  )
}
