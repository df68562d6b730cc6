import { thread } from '../conversation/thread.ts'
import { useStore } from '../state/store.ts'
import type { DialogName } from './app.tsx'
import { Banner } from './banner.tsx'
import { Composer } from './composer.tsx'
import { useShared, useWords } from './context.ts'
import { Greeting } from './greeting.tsx'
import { IconButton } from './icon-button.tsx'
import { MessageList } from './message-list.tsx'
import { ModelChoice } from './model-choice.tsx'

interface Props {
  isListOpen: boolean
  toggleList: () => void
  openDialog: (name: DialogName) => void
}

/** The conversation that is shown, and the place to write. */
export function ChatView({ isListOpen, toggleList, openDialog }: Props) {
  const words = useWords()
  const { chat } = useShared()
  useStore(chat.conversations.list)
  const conversation = chat.conversations.get(useStore(chat.current))
  const messages = conversation ? thread(conversation) : []
  return (
    <main class="chat">
      <header class="bar">
        <IconButton
          icon="menu"
          label={isListOpen ? words.closeList : words.openList}
          aria-expanded={isListOpen}
          onClick={toggleList}
        />
        <ModelChoice />
        <h1 class="bar-title">{conversation?.title ?? words.newChat}</h1>
        <IconButton icon="info" label={words.modelInfo} onClick={() => openDialog('model')} />
        <IconButton icon="settings" label={words.settings} onClick={() => openDialog('settings')} />
      </header>
      <Banner />
      {conversation && messages.length > 0 ? (
        <MessageList key={conversation.id} conversation={conversation} messages={messages} />
      ) : (
        <Greeting />
      )}
      <Composer messages={messages} />
    </main>
  )
}
