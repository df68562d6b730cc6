import './styles/tokens.css'
import './styles/base.css'
import './styles/layout.css'
import './styles/sidebar.css'
import './styles/messages.css'
import './styles/composer.css'
import './styles/markdown.css'
import './styles/dialogs.css'
import { render } from 'preact'
import { App } from './components/app.tsx'
import { Chat } from './state/chat.ts'
import { Conversations } from './state/conversations.ts'
import { Database } from './state/database.ts'
import { keepPlace } from './state/place.ts'
import { rememberedPreferences } from './state/preferences.ts'
import { Server } from './state/server.ts'

const preferences = rememberedPreferences()
const conversations = new Conversations(new Database())
const server = new Server()
const chat = new Chat(conversations, server, preferences)

void conversations.load().then(() => keepPlace(chat))
void server.look()
render(<App shared={{ chat, preferences }} />, document.getElementById('app') as HTMLElement)
