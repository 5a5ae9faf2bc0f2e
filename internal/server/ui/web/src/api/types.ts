// What the server's /ui/api/ takes and gives. Times are RFC 3339; an absent field is the default.

export type Scope = 'inference' | 'models' | 'admin'

export interface Me { name: string; owner: boolean; signed_in: boolean; scopes: Scope[]; csrf: string; version: string; mcp: boolean }

/** One of the two. */
export interface Session { me?: Me; /** Why the server takes the caller for nobody, in its words. */ refused?: string }

export interface Parameters {
  model?: string
  system?: string
  temperature?: number
  top_p?: number
  top_k?: number
  min_p?: number
  repeat_penalty?: number
  seed?: number
  max_tokens?: number
  reasoning?: 'on' | 'off'
  reasoning_budget?: number
  schema?: object
  /** In OpenAI's form. */
  tools?: object[]
  /** Names of MCP servers. */
  mcp?: string[]
  /** "server/tool" that run without a question in this chat. */
  allowed?: string[]
}

/** On a path that has the message at, what is before it is not sent; summary stands in its place. */
export interface Cut { at: string; summary?: string }

export interface Chat {
  id: string
  title: string
  folder?: string
  pinned?: boolean
  created: string
  updated: string
  parameters: Parameters
  leaf?: string
  running?: number
  cuts?: Cut[]
}

/** text stands only where it is sent. */
export interface FileText { name: string; bytes: number; tokens: number; text?: string }
/** unreadable: why the file has no text, with its name. */
export interface FileRead extends FileText { unreadable?: string }
export interface Call { id: string; name: string; arguments: string }
export interface Result { call: string; name: string; content: string; failed?: boolean }

export interface Figures {
  prompt_tokens: number
  cached_tokens: number
  /** With those of the reasoning. */
  answer_tokens: number
  reasoning_tokens: number
  first_token_ms: number
  tokens_per_second: number
  reasoning_ms: number
  /** Tokens of the context that are used. */
  context: number
  context_limit: number
  /** The name of its receipt; none: it has none. */
  receipt?: string
}

/** What a check of a receipt found. */
export interface ReceiptCheck {
  ok: boolean
  checked?: string[]
  /** Why it does not hold. */
  reason?: string
  detail?: string
  first_difference?: number
  key?: string
  log?: { origin: string; index: number; size: number }
}

export type Status = 'running' | 'complete' | 'length' | 'stopped' | 'failed' | 'interrupted' | 'calls'
export type Role = 'user' | 'assistant' | 'tool'

export interface Message {
  id: string
  parent?: string
  role: Role
  content: string
  reasoning?: string
  files?: FileText[]
  calls?: Call[]
  results?: Result[]
  model?: string
  parameters?: Parameters
  status?: Status
  error?: string
  figures?: Figures
  /** The other answer of a comparison. */
  beside?: string
  edited?: boolean
  created: string
  seq?: number
  /** So far, while it runs. */
  tokens?: number
  reasoning_tokens?: number
  thinking?: boolean
}

export interface NewMessage { id: string; parent?: string; role: Role; content: string; files?: FileText[]; results?: Result[]; edited?: boolean; reasoning?: string; beside?: string }

/** With continue, id is an answer that is there and is gone on with. */
export interface NewAnswer { id: string; parent: string; parameters: Parameters; continue?: boolean; beside?: string }

export interface Turn { chat?: { parameters: Parameters; folder?: string }; messages: NewMessage[]; answers: NewAnswer[]; leaf?: string }
export interface Tree { chat: Chat; messages: Message[] }
export interface ChatChange { title?: string; folder?: string; pinned?: boolean; parameters?: Parameters; leaf?: string }
export interface Found { chat: Chat; message?: string; text: string; marks: [number, number][] }
export interface Preset { name: string; parameters: Parameters }
export interface Imported { chats: number; messages: number; known: number }
export interface PrivateTurn { parameters: Parameters; messages: Omit<NewMessage, 'id' | 'parent'>[]; continue?: boolean }

export interface Delta { message: string; seq: number; content?: string; reasoning?: string; tokens: number; reasoning_tokens: number; thinking: boolean }

/** What GET /ui/api/events sends, by name. */
export interface EventTypes {
  hello: Record<string, never>
  chat: Chat
  gone: { id: string }
  messages: { chat: string; messages: Message[] }
  removed: { chat: string; ids: string[] }
  delta: Delta
  models: Record<string, never>
  pulls: { pulls: Pull[] }
  presets: Record<string, never>
}

export interface Model {
  name: string
  size: number
  family?: string
  parameters?: string
  quantization?: string
  context: number
  /** Positions that memory has room for; 0: it does not fit. */
  fits: number
  state: '' | 'waiting' | 'loading' | 'ready'
  /** 0 to 1, while it loads. */
  done?: number
  reasoning?: boolean
  tools?: boolean
  licence?: string
  modified?: string
  used?: string
  digest?: string
}

export interface Models { models: Model[]; default: string; memory: { total: number; free: number } }
export interface ModelDetails extends Model { template: string; licence_text?: string; facts: { name: string; value: string }[] }
export interface Frees { bytes: number; shared: string[] }

/** speed in bytes a second; left in seconds, -1 where it is not known. */
export interface Pull { id: string; name: string; state: 'running' | 'paused' | 'failed' | 'done'; done: number; total: number; speed: number; left: number; error?: string }
export interface Offer { name: string; title: string; size: number; context: number; good_at: string; licence: string; fits: boolean }

export interface ServerStatus {
  queue: { running: number; waiting: number; limit: number }
  memory: { total: number; free: number; weights: number; caches: number }
  tokens_per_second: number
  cache: { hit_tokens: number; prompt_tokens: number; pages_used: number; pages: number; disk_bytes: number; disk_limit: number }
  errors: { time: string; route: string; status: number; message: string }[]
  models: Model[]
  uptime_s: number
}

export interface Setting { name: string; value: string; from: 'flag' | 'environment' | 'file' | 'default'; where?: string }

export interface Tool { name: string; description: string; parameters: object }
export interface ToolServer { name: string; state: 'ready' | 'starting' | 'failed'; error?: string; tools: Tool[] }
export interface ToolAnswer { content: string; failed: boolean }
