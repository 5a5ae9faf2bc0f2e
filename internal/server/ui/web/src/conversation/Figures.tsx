import type { Figures as Numbers } from '../api/types'
import { text } from '../text/conversation'

/** What an answer took. */
export function Figures({ f }: { f: Numbers }) {
  const rows: [string, string][] = [
    [text.promptTokens, text.number(f.prompt_tokens)],
    [text.cachedTokens, text.number(f.cached_tokens)],
    [text.answerTokens, text.number(f.answer_tokens)],
    ...(f.reasoning_tokens ? [[text.ofWhichReasoning, text.number(f.reasoning_tokens)] as [string, string]] : []),
    [text.perSecond, text.speed(f.tokens_per_second)],
    [text.firstToken, text.ms(f.first_token_ms)],
    [text.context, text.contextOf(f.context, f.context_limit)],
  ]
  return (
    <div class="figures" role="group" aria-label={text.figures}>
      {rows.map(([name, value]) => <span key={name} class="figure"><span class="figure-name">{name}</span> <b>{value}</b></span>)}
    </div>
  )
}
