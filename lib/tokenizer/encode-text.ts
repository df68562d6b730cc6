import { callNative } from '../native/call-native.js'
import { nativeTokenizer, type Tokenizer } from './tokenizer.js'

/** Texts longer than this are encoded on a helper thread. UTF-16 units. */
const longText = 64 * 1024

/** The ids of a text; a promise for long ones. */
export function encodeText(
  tokenizer: Tokenizer,
  text: string,
  addSpecialTokens: boolean,
): Int32Array | Promise<Int32Array> {
  const handle = nativeTokenizer(tokenizer)
  return callNative(() =>
    text.length > longText
      ? handle.encodeAsync(text, addSpecialTokens)
      : handle.encode(text, addSpecialTokens),
  )
}
