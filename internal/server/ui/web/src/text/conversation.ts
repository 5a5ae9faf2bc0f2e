// The words of the conversation.
import type { Fault, Field } from '../conversation/parameters'
import type { Status } from '../api/types'
import { took } from './figures'

const number = (n: number) => n.toLocaleString('en')
const many = (n: number, one: string, more = one + 's') => `${number(n)} ${n === 1 ? one : more}`

export const text = {
  // what is said
  answering: 'Answering…',
  ended: (s: Status): string => ({
    running: 'Answering…', complete: 'Answer complete', calls: 'Answer complete: it calls tools', length: 'Answer complete: a limit ended it', stopped: 'Answer stopped', failed: 'Answer failed', interrupted: 'Answer interrupted',
  })[s],

  // the box
  message: 'Message',
  placeholder: 'Ask anything',
  send: 'Send',
  stop: 'Stop',
  attach: 'Attach files',
  compare: 'Compare',
  privateChat: 'Private chat',
  privateNow: 'Private chat: nothing of it is stored, and it is gone when you leave it.',
  privateClosed: 'Private chat closed',
  model: 'Model',
  noModel: 'No model',
  absent: (name: string) => `${name} (not here)`,
  parameters: 'Parameters',
  second: 'Second parameters',
  secondModel: 'Second model',
  comparing: 'Two answers to each question',
  waitsForFiles: 'It is sent when the files are read.',
  runningNow: 'An answer runs. Stop it, or wait for its end.',
  faults: (fields: string[]) => `Not sent: ${fields.join(', ')} in the parameters cannot be.`,
  drop: 'Drop files to attach them',
  toEnd: 'To the end',
  emptyChat: 'What would you like to know?',

  // files
  attachments: 'Attachments',
  sentFiles: 'Files',
  remove: (name: string) => `Remove ${name}`,
  reading: 'is read…',
  tokens: (n: number) => many(n, 'token'),
  refused: (name: string, why: string) => `${name} was not attached. ${why}`,
  tooLarge: 'It is larger than 32 MiB.',
  tooMany: (most: number) => `More than ${most} files do not go with one message.`,

  // messages
  you: (nth: number) => `You, message ${number(nth)}`,
  answer: (nth: number, model: string) => `Answer ${number(nth)}${model ? ` by ${model}` : ''}`,
  editedAnswer: 'edited',
  earlier: 'Show earlier messages',
  later: 'Show later messages',
  loading: 'The chat is fetched…',
  notFetched: (why: string) => `The chat could not be fetched. ${why}`,
  gone: 'This chat is not there, or not any more.',
  waiting: 'Waits for the models…',
  sending: 'Is sent…',
  unsent: (why: string) => `Not sent. ${why}`,
  leftUnsent: 'The page was left before the server had it.',
  notSent: (why: string) => `A message could not be sent. ${why}`,
  unsentFirst: 'The message before this one is not sent yet.',
  backToBox: 'Back into the box',
  noAnswer: 'There is no answer yet.',
  getAnswer: 'Get an answer',

  // what is done with a message
  copy: 'Copy',
  copied: 'Copied',
  notCopied: 'The browser does not let the page copy.',
  edit: 'Edit',
  regenerate: 'Regenerate',
  continue: 'Continue',
  fork: 'New chat from here',
  delete: 'Delete',
  more: 'More actions',
  previous: 'Previous version',
  next: 'Next version',
  version: (at: number, of: number) => `${at} / ${of}`,
  editMessage: 'Edit message',
  save: 'Save',
  cancel: 'Cancel',
  goOnWith: 'Go on with this answer',
  goesOn: 'The chat goes on with this answer',
  messageDeleted: 'Message deleted',
  notDeleted: (why: string) => `The message could not be deleted. ${why}`,
  notRestored: (why: string) => `The message could not be restored. ${why}`,
  forked: 'This is a new chat of the messages up to there.',
  notForked: (why: string) => `The new chat could not be made. ${why}`,
  notStopped: (why: string) => `The answer could not be stopped. ${why}`,
  leafNotKept: (why: string) => `Which version is shown could not be stored. ${why}`,
  parametersNotKept: (why: string) => `The parameters could not be stored. ${why}`,

  // answers
  modelLoads: (name: string, part: number | undefined) => `${name || 'The model'} is loaded${part === undefined ? '…' : `: ${Math.floor(part * 100)} %`}`,
  begins: 'The model reads…',
  thinking: (tokens: number) => `Thinking… ${many(tokens, 'token')}`,
  thought: (ms: number | undefined, tokens: number | undefined) => `Thought${ms === undefined ? '' : ` for ${took(ms)}`}${tokens === undefined ? '' : `, ${many(tokens, 'token')}`}`,
  lengthEnded: 'A limit cut this answer off.',
  tokensEnded: (n: number) => `Max tokens (${number(n)}) cut this answer off.`,
  contextEnded: 'The context is full: its limit cut this answer off.',
  stopped: 'Stopped',
  failed: (why: string) => `The answer failed. ${why}`,
  interrupted: (why: string) => `The answer was interrupted. ${why || 'The server ended before it was complete.'}`,
  emptyAnswer: 'The model said nothing.',

  // figures
  figures: 'Figures',
  promptTokens: 'Prompt tokens',
  cachedTokens: 'Cached tokens',
  answerTokens: 'Answer tokens',
  ofWhichReasoning: 'of these for reasoning',
  perSecond: 'Tokens/s',
  firstToken: 'First token',
  context: 'Context',
  ms: (n: number) => `${number(Math.round(n))} ms`,
  contextOf: (used: number, limit: number) => `${number(used)} / ${number(limit)}`,
  number,
  speed: (n: number) => n.toLocaleString('en', { maximumFractionDigits: n < 10 ? 2 : 1 }),

  // tools
  calls: 'Calls of tools',
  arguments: 'Arguments',
  resultOf: (label: string) => `Result of ${label}`,
  gave: 'Result',
  failedCall: 'failed',
  sendResults: 'Send results',
  mayRun: (tool: string, server: string) => `The model wants to run ${tool} on ${server}.`,
  allowOnce: 'Allow once',
  allowChat: 'Allow in this chat',
  allowAlways: 'Always allow',
  decline: 'Decline',
  declined: 'The person declined this call.',
  callRuns: 'Runs…',
  badArguments: 'The arguments are no JSON object.',
  notCalled: (why: string) => `The call did not come through: ${why}`,
  notAllowed: (why: string) => `The consent could not be stored. ${why}`,

  // context
  nearlyFull: (used: number, limit: number) => `The context is nearly full: ${number(used)} of ${number(limit)} tokens.`,
  fullNow: (used: number, limit: number) => `The context is full: about ${number(used)} tokens for ${number(limit)} places.`,
  dropOldest: 'Drop the oldest messages',
  summariseOldest: 'Summarise the oldest messages',
  cutting: 'A summary is written…',
  dropped: 'The oldest messages are not sent any more',
  summarised: 'A summary stands for the oldest messages',
  nothingToDrop: 'There are no older messages to leave out.',
  notCut: (why: string) => `The oldest messages could not be left out. ${why}`,
  cutHere: 'What is above is not sent to the model any more.',
  cutSummary: 'This summary is sent in its place',

  // the panel
  fields: {
    system: 'System prompt', temperature: 'Temperature', top_p: 'Top-p', top_k: 'Top-k', min_p: 'Min-p', repeat_penalty: 'Repeat penalty', seed: 'Seed', max_tokens: 'Max tokens', reasoning_budget: 'Reasoning budget', schema: 'JSON Schema', tools: 'Tools',
  } satisfies Record<Field, string> as Record<Field, string>,
  hints: {
    temperature: '0 always takes the likeliest word.', seed: 'The same seed gives the same answer.', reasoning_budget: 'Most tokens of reasoning.', schema: 'The answer keeps to it.', tools: 'A JSON array as OpenAI’s; you type in what they give.',
  } as Partial<Record<Field, string>>,
  default: 'Default',
  reasoning: 'Reasoning',
  reasonings: { '': 'Default', on: 'On', off: 'Off' },
  preset: 'Preset',
  noPreset: 'None',
  savePreset: 'Save preset',
  presetName: 'Preset name',
  presetNameHint: 'Enter saves.',
  deletePreset: 'Delete preset',
  presetSaved: (name: string) => `Preset “${name}” saved`,
  presetDeleted: (name: string) => `Preset “${name}” deleted`,
  presetFailed: (why: string) => `The presets could not be changed. ${why}`,
  presetsFailed: (why: string) => `The presets could not be fetched. ${why}`,
  servers: 'MCP servers',
  serverTools: (n: number) => many(n, 'tool'),
  serverStates: { ready: 'ready', starting: 'starting', failed: 'failed' },
  serversFailed: (why: string) => `The MCP servers could not be fetched. ${why}`,
  allowedHere: 'Runs without a question in this chat',
  forbid: (name: string) => `Ask again for ${name}`,
  fault: (f: Fault): string => {
    switch (f.kind) {
      case 'number': return `A number from ${number(f.least)} to ${number(f.most)}.`
      case 'whole': return `A whole number from ${number(f.least)} to ${number(f.most)}.`
      case 'json': return `This is no JSON: ${f.words}`
      case 'object': return 'A schema is a JSON object.'
      case 'array': return 'Tools are a JSON array.'
      case 'tool': return `Number ${f.at} is no tool: {"type": "function", "function": {"name": …, "parameters": {…}}}.`
      case 'twice': return `Two tools have the name ${f.name}.`
      case 'many': return `At most ${number(f.most)} tools.`
      case 'long': return `At most ${number(f.most)} characters.`
    }
  },
}
