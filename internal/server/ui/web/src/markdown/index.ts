export { Renderer } from './renderer'
