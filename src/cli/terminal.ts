import { emitKeypressEvents } from 'node:readline';

/** A screen that is drawn again and again, and the keys of whoever looks at it. */
export type Terminal = {
  readonly rows: () => number;
  /** Takes the screen; `onKey` hears each key, with `ctrl-c` for an interrupt. The answer gives the screen back. */
  readonly open: (onKey: (key: string) => void) => () => void;
};

const ALTERNATE_SCREEN = '\u001b[?1049h';
const NORMAL_SCREEN = '\u001b[?1049l';
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const HOME = '\u001b[H';
const CLEAR_TO_END_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const DEFAULT_ROWS = 24;

/** The terminal of this process; undefined where nobody looks, or nobody can press a key. */
export function processTerminal(): Terminal | undefined {
  const { stdin, stdout } = process;
  if (stdin.isTTY !== true || stdout.isTTY !== true) return undefined;
  return {
    rows: () => stdout.rows ?? DEFAULT_ROWS,
    open: (onKey) => {
      const pressed = (text: string | undefined, key: { readonly name?: string; readonly ctrl?: boolean }): void =>
        onKey(key.ctrl === true ? `ctrl-${key.name}` : (text ?? ''));
      emitKeypressEvents(stdin);
      stdin.setRawMode(true);
      stdin.on('keypress', pressed);
      stdin.resume();
      stdout.write(ALTERNATE_SCREEN + HIDE_CURSOR);
      return () => {
        stdin.off('keypress', pressed);
        stdin.setRawMode(false);
        stdin.pause();
        stdout.write(SHOW_CURSOR + NORMAL_SCREEN);
      };
    },
  };
}

/** Over what stands there: an empty screen in between would flicker. */
export function redrawn(text: string): string {
  return HOME + text.replaceAll('\n', `${CLEAR_TO_END_OF_LINE}\n`) + CLEAR_BELOW;
}
