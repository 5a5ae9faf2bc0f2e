import { useEffect, useState } from 'preact/hooks'
import { models as routes } from '../api/routes'
import type { Frees } from '../api/types'
import { Confirm } from '../parts/Confirm'
import { fetchModels } from '../state/models'
import { say, wordsOf } from '../state/notices'
import { text } from '../text/models'

/** The question before a model is deleted, with what that frees. */
export function DeleteModel({ name, onClose }: { name: string; onClose: () => void }) {
  const [frees, setFrees] = useState<Frees | string>('')
  useEffect(() => void routes.frees(name).then(setFrees, (e: unknown) => setFrees(wordsOf(e))), [name])
  const remove = async () => {
    await routes.remove(name)
    say(text.deleted(name))
    await fetchModels()
  }
  return (
    <Confirm title={text.deleteQuestion(name)} action={text.delete} danger onConfirm={remove} onClose={onClose}>
      <p dir="auto">{typeof frees === 'string' ? frees || text.asking : frees.shared?.length ? text.shared(frees.bytes ?? 0, frees.shared) : text.frees(frees.bytes ?? 0)}</p>
    </Confirm>
  )
}
