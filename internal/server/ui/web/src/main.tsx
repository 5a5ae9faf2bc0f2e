import './state/early'
import { render } from 'preact'
import { App } from './App'
import { begin } from './begin'
import './style/index.css'

begin()
const root = document.getElementById('app')
if (root) {
  root.replaceChildren()
  render(<App />, root)
}
