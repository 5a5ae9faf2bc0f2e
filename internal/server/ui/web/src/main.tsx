import './state/early'
import { render } from 'preact'
import { App } from './App'
import { begin } from './begin'
import './style/index.css'

begin()
const root = document.getElementById('app')
if (root) {
  render(<App />, root) // over what the page's HTML shows of it, whose elements stay: what has the focus keeps it
  delete document.documentElement.dataset['early']
}
