// A plugin of typedoc: the reference is grouped by what things are for, which is what the folders of lib/ say.
import { Comment, CommentTag, Converter, ReflectionKind } from 'typedoc'

const categories = {
  model: 'Models',
  checkpoint: 'Models',
  generation: 'Generations',
  'generation-defaults': 'Generations',
  chat: 'Chat',
  input: 'Chat',
  session: 'Sessions',
  tasks: 'Embeddings, ranking, likelihood',
  tokenizer: 'Tokenizers',
  errors: 'Errors',
  server: 'Server',
  batch: 'Batches',
  integrations: 'Adapters',
}

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.parent?.kindOf(ReflectionKind.Module)) return
    const [declaration] = context.getSymbolFromReflection(reflection)?.declarations ?? []
    const path = declaration?.getSourceFile().fileName ?? ''
    const [, folder] = /\/lib\/([\w-]+)[./]/.exec(path) ?? []
    if (!categories[folder]) throw new Error(`${reflection.name}: lib/${folder} has no category`)
    reflection.comment ??= new Comment()
    reflection.comment.blockTags.push(
      new CommentTag('@category', [{ kind: 'text', text: categories[folder] }]),
    )
  })
}
