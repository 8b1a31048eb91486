import { mkdtemp, readFile, rm, stat, writeFile, appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isOpenMessage, unwrapMessage } from '../src/chat/chat-terminal.ts';
import type { Completion } from '../src/chat/completion.ts';
import { openHistory } from '../src/chat/history.ts';
import { cleanPaste, createKeyDecoder } from '../src/chat/key-decoder.ts';
import { createLineEditor, type LineEditor } from '../src/chat/line-editor.ts';
import { createTerminalScreen, type TerminalScreen } from './terminal-screen.ts';

const esc = '\u001B';
const key = {
  up: `${esc}[A`,
  down: `${esc}[B`,
  right: `${esc}[C`,
  left: `${esc}[D`,
  home: `${esc}[H`,
  end: `${esc}[F`,
  delete: `${esc}[3~`,
  ctrlLeft: `${esc}[1;5D`,
  ctrlRight: `${esc}[1;5C`,
  altEnter: `${esc}\r`,
  altB: `${esc}b`,
  altD: `${esc}d`,
  altF: `${esc}f`,
  altBackspace: `${esc}\u007F`,
  backspace: '\u007F',
  tab: '\t',
  enter: '\r',
} as const;

function ctrl(letter: string): string {
  return String.fromCharCode(letter.charCodeAt(0) - 0x60);
}

function paste(text: string): string {
  return `${esc}[200~${text}${esc}[201~`;
}

interface Trial {
  readonly editor: LineEditor;
  readonly screen: TerminalScreen;
  /** Types, and waits until the editor has taken it. */
  type(...keys: readonly string[]): Promise<void>;
  /** Begins to read a message. */
  read(): Promise<string | undefined>;
  readonly composed: string[];
  readonly rawModes: boolean[];
  readonly abort: AbortController;
}

async function edit({
  columns = 40,
  rows = 10,
  dumb = false,
  history = [] as readonly string[],
  complete = (_before: string): Promise<Completion> => Promise.resolve({ start: 0, candidates: [] }),
  compose = (text: string): Promise<string | undefined> => Promise.resolve(text),
} = {}): Promise<Trial> {
  const screen = createTerminalScreen({ columns, rows });
  const rawModes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => rawModes.push(raw) });
  const kept = await openHistory({ file: undefined, warn: () => undefined });
  for (const entry of history) await kept.add(entry);
  const composed: string[] = [];
  const abort = new AbortController();
  const editor = createLineEditor({
    stdin,
    stdout: screen.output,
    history: kept,
    dumb,
    complete,
    compose: (text) => {
      composed.push(text);
      return compose(text);
    },
    isOpen: isOpenMessage,
    suspend: () => Promise.resolve(),
    signal: abort.signal,
  });
  onTestFinished(() => editor.close());
  return {
    editor,
    screen,
    composed,
    rawModes,
    abort,
    read: () => editor.read({ prompt: '> ' }),
    async type(...keys) {
      for (const text of keys) {
        stdin.write(text);
        for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** What a message becomes when these keys are typed before Enter. */
async function typed(...keys: readonly string[]): Promise<string | undefined> {
  const trial = await edit();
  const message = trial.read();
  await trial.type(...keys, key.enter);
  return message;
}

describe('the line', () => {
  test.each([
    ['letters', ['abc'], 'abc'],
    ['Backspace', ['abc', key.backspace], 'ab'],
    ['Left and Delete', ['abc', key.left, key.left, key.delete], 'ac'],
    ['Ctrl-B, Ctrl-F, Ctrl-D', ['abcd', ctrl('b'), ctrl('b'), ctrl('b'), ctrl('f'), ctrl('d')], 'abd'],
    ['Ctrl-A and Ctrl-E', ['bc', ctrl('a'), 'a', ctrl('e'), 'd'], 'abcd'],
    ['Home and End', ['bc', key.home, 'a', key.end, 'd'], 'abcd'],
    ['Ctrl-W takes the word before, marks and all', ['one two.three ', ctrl('w')], 'one '],
    ['Alt-Backspace stops at marks', ['one two.three', key.altBackspace], 'one two.'],
    ['Alt-D takes the word after', ['one two', ctrl('a'), key.altD], ' two'],
    ['Ctrl-U to the beginning', ['one two', key.left, ctrl('u')], 'o'],
    ['Ctrl-K to the end', ['one two', ctrl('a'), key.right, ctrl('k')], 'o'],
    ['Ctrl-Y brings it back', ['one two', ctrl('w'), ctrl('a'), ctrl('y')], 'twoone '],
    ['Alt-B and Alt-F', ['one two', key.altB, '1', key.altB, key.altB, key.altF, '2'], 'one2 1two'],
    ['Ctrl-Left and Ctrl-Right', ['one two', key.ctrlLeft, key.ctrlLeft, key.ctrlRight, '!'], 'one! two'],
    ['Ctrl-T swaps', ['abdc', ctrl('t')], 'abcd'],
    ['an emoji goes in one step', ['a👩‍👩‍👧b', key.left, key.backspace], 'ab'],
    ['an accent goes with its letter', ['cafe\u0301', key.backspace], 'caf'],
    ['wide characters', ['日本語', key.left, key.backspace, 'x'], '日x語'],
    ['Alt-Enter makes a line', ['a', key.altEnter, 'b'], 'a\nb'],
    ['Ctrl-J makes a line', ['a', ctrl('j'), 'b'], 'a\nb'],
    ['Shift-Enter of terminals that tell it', ['a', `${esc}[13;2u`, 'b', `${esc}[27;2;13~`, 'c'], 'a\nb\nc'],
    ['keys that mean nothing do nothing', ['a', `${esc}[5~`, `${esc}[I`, `${esc}OP`, 'b'], 'ab'],
    ['up and down within a message', ['one', ctrl('j'), 'two', key.up, '!', key.down, '?'], 'one!\ntwo?'],
  ])('%s', async (_, keys, expected) => {
    expect(await typed(...keys)).toBe(expected);
  });

  test('a message in three quotes goes on over Enter until they are closed', async () => {
    const message = await typed('"""one', key.enter, 'two', key.enter, 'three"""');
    expect(message).toBe('"""one\ntwo\nthree"""');
    expect(unwrapMessage(message ?? '')).toBe('one\ntwo\nthree');
    expect(isOpenMessage('/system """a')).toBe(true);
    expect(isOpenMessage('say """ twice')).toBe(false);
  });

  test('a paste of several lines is one message, and does not send itself', async () => {
    const { read, type } = await edit();
    const message = read();
    let sent = false;
    void message.then(() => (sent = true));
    await type(paste('one\r\ntwo\rthree\n'));
    expect(sent).toBe(false);
    await type(' end', key.enter);
    expect(await message).toBe('one\ntwo\nthree\n end');
  });

  test('a paste has no control characters, wherever it is cut into chunks', async () => {
    const { read, type } = await edit();
    const message = read();
    const pasted = paste(`a${esc}[31mb\u0003c\u0004d\u0000${esc}]0;title\u0007e\tf`);
    await type(...Array.from(pasted), key.enter);
    expect(await message).toBe('abcde\tf');
    expect(cleanPaste('\u009B1mx\u0085')).toBe('1mx');
  });

  test('what is shown of pasted invisible characters is their notation', async () => {
    const { read, type, screen } = await edit();
    void read();
    await type(paste('a\u202Eb'));
    expect(screen.lines.at(-1)).toBe(String.raw`> a\u{202E}b`);
  });

  test('sequences that are cut by a slow line are put together; a lone Escape does nothing', async () => {
    const decoder = createKeyDecoder();
    expect([...decoder.push(esc), ...decoder.push('[1;'), ...decoder.push('5D')]).toEqual([
      { type: 'key', key: 'ctrl-left' },
    ]);
    expect(decoder.push(esc)).toEqual([]);
    expect(decoder.isWaiting).toBe(true);
    expect(decoder.flush()).toEqual([{ type: 'key', key: 'escape' }]);
    expect(decoder.push('é')).toEqual([{ type: 'text', text: 'é' }]);
  });
});

describe('the terminal', () => {
  test('shows the line as it is edited, and the cursor where it is', async () => {
    const { read, type, screen } = await edit();
    void read();
    await type('hello world', key.altB);
    expect(screen.lines).toEqual(['> hello world']);
    expect(screen.cursor).toEqual({ row: 0, column: 8 });
    await type('new ');
    expect(screen.lines).toEqual(['> hello new world']);
  });

  test('whatever is typed, the screen is what the text says, at every width', async () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    let state = seed;
    const random = (): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    const keys = [
      'a',
      'bc',
      'word ',
      '日',
      '👩‍👩‍👧',
      'é',
      ' ',
      key.left,
      key.right,
      key.home,
      key.end,
      key.backspace,
      key.delete,
    ];
    const more = [
      ctrl('w'),
      ctrl('k'),
      ctrl('u'),
      ctrl('y'),
      ctrl('j'),
      key.up,
      key.down,
      paste('x\ny'),
      paste('z'.repeat(17)),
    ];
    for (let round = 0; round < 12; round += 1) {
      const columns = 5 + Math.floor(random() * 20);
      const { read, type, screen, editor } = await edit({ columns, rows: 200 });
      const message = read();
      const script: string[] = [];
      for (let step = 0; step < 30; step += 1) {
        const all = [...keys, ...keys, ...more];
        const next = all[Math.floor(random() * all.length)] ?? '';
        script.push(next);
        await type(next);
      }
      const shown = screen.lines.join('\n');
      await type(key.enter);
      const text = (await message) ?? '';
      const fresh = createTerminalScreen({ columns, rows: 200 });
      fresh.output.write(`> ${text.replaceAll('\n', '\r\n')}`);
      expect(shown, `seed ${seed}, ${columns} columns, ${JSON.stringify(script)}`).toBe(fresh.lines.join('\n'));
      editor.close();
    }
  });

  test('a message with more lines than the terminal shows those around the cursor, and all of them when it is sent', async () => {
    const { read, type, screen } = await edit({ rows: 5 });
    const message = read();
    const lines = Array.from({ length: 12 }, (_, index) => `line ${index}`);
    await type(paste(lines.join('\n')));
    expect(screen.lines.slice(-4)).toEqual(lines.slice(-4));
    await type(...Array.from({ length: 11 }, () => key.up));
    expect(screen.lines.slice(-4)[0]).toBe('> line 0');
    await type(key.enter);
    expect(await message).toBe(lines.join('\n'));
    expect(screen.lines.slice(-12)).toEqual(['> line 0', ...lines.slice(1)]);
  });

  test('what a history brings is cleaned, in a message longer than the terminal and on a dumb one too', async () => {
    const long = `one${esc}]0;title\u0007\n2\n3\n4\n5\n6`;
    for (const dumb of [false, true]) {
      const { read, type, screen } = await edit({ rows: 4, dumb, history: [long] });
      const message = read();
      await type(key.up, key.enter);
      expect(await message).toBe(long);
      expect(screen.written).not.toContain(`${esc}]`);
      expect(screen.lines.join('\n')).toContain('one\n2');
    }
  });

  test('a change of the width lays the line out anew', async () => {
    const { read, type, screen } = await edit({ columns: 20 });
    void read();
    await type('one two three');
    screen.size.columns = 40;
    screen.output.emit('resize');
    await type(' four five six');
    expect(screen.lines.at(-1)).toBe('> one two three four five six');
  });

  test('what others print stands above the line', async () => {
    const { read, type, screen, editor } = await edit();
    void read();
    await type('half');
    editor.print('a notice\n');
    expect(screen.lines).toEqual(['a notice', '> half']);
    expect(screen.cursor).toEqual({ row: 1, column: 6 });
  });

  test('Ctrl-L clears the screen and keeps the line', async () => {
    const { read, type, screen, editor } = await edit();
    editor.print('before\n');
    void read();
    await type('text', ctrl('l'));
    expect(screen.lines).toEqual(['> text']);
  });

  test('it is left as it was found, also while another program has it', async () => {
    const trial = await edit();
    expect(trial.rawModes).toEqual([true]);
    expect(trial.screen.written).toContain(`${esc}[?2004h`);
    await trial.editor.release(async () => {
      expect(trial.rawModes).toEqual([true, false]);
      expect(trial.screen.written.endsWith(`${esc}[?2004l`)).toBe(true);
      await Promise.resolve();
    });
    expect(trial.rawModes).toEqual([true, false, true]);
    trial.editor.close();
    trial.editor.close();
    expect(trial.rawModes).toEqual([true, false, true, false]);
  });

  test('a dumb terminal gets no control sequence', async () => {
    const { read, type, screen } = await edit({ dumb: true });
    const message = read();
    await type('abc', key.backspace, 'd', key.home, 'x', key.enter);
    expect(await message).toBe('xabd');
    expect(screen.written).not.toContain(esc);
    expect(screen.lines.at(-1)).toBe('> xabd');
  });
});

describe('leaving and stopping', () => {
  test('Ctrl-D leaves at an empty line', async () => {
    const { read, type } = await edit();
    const message = read();
    await type(ctrl('d'));
    expect(await message).toBeUndefined();
  });

  test('Ctrl-C clears a line; at an empty one it says that once more leaves, and then it does', async () => {
    const { read, type, screen } = await edit();
    const message = read();
    await type('text', ctrl('c'));
    await type(ctrl('c'));
    expect(screen.lines.join('\n')).toContain('once more');
    await type('more', ctrl('c'), ctrl('c'), ctrl('c'));
    expect(await message).toBeUndefined();
  });

  test('Ctrl-C during an answer stops it and forgets what was typed ahead', async () => {
    const { editor, read, type } = await edit();
    let stops = 0;
    const release = editor.onInterrupt(() => (stops += 1));
    await type('ahead', key.enter, ctrl('c'));
    release();
    expect(stops).toBe(1);
    const message = read();
    await type('after', key.enter);
    expect(await message).toBe('after');
  });

  test('what is typed during an answer waits for the next message', async () => {
    const { editor, read, type } = await edit();
    const release = editor.onInterrupt(() => undefined);
    await type('one', key.enter, 'two');
    release();
    expect(await read()).toBe('one');
    const second = read();
    await type(key.enter);
    expect(await second).toBe('two');
  });

  test('an abort from outside ends the reading', async () => {
    const { read, abort } = await edit();
    const message = read();
    abort.abort();
    expect(await message).toBeUndefined();
    expect(await read()).toBeUndefined();
  });
});

describe('history', () => {
  const history = ['first question', 'second\nof two lines', 'third question'];

  test('Up and Down go through it, and the draft comes back', async () => {
    const { read, type } = await edit({ history });
    const message = read();
    await type('draft', key.up, key.up, key.up, key.up, key.down, key.down, key.down, key.down, '!', key.enter);
    expect(await message).toBe('draft!');
    const again = read();
    await type(key.up, key.up, key.enter);
    expect(await again).toBe('second\nof two lines');
  });

  test.each([
    ['finds the newest that fits', [ctrl('r'), 'quest', key.enter], 'third question'],
    ['again for an older one', [ctrl('r'), 'quest', ctrl('r'), key.enter], 'first question'],
    ['Ctrl-S for a newer one', [ctrl('r'), 'quest', ctrl('r'), ctrl('s'), key.enter], 'third question'],
    ['a longer query searches on from there', [ctrl('r'), 'q', 'uestion', ctrl('r'), key.enter], 'first question'],
    ['Escape takes it over', [ctrl('r'), 'two', `${esc}${esc}`, key.end, '!', key.enter], 'second\nof two lines!'],
    ['an arrow takes it over', [ctrl('r'), 'first', key.left, key.enter], 'first question'],
    ['Ctrl-G goes back to the draft', ['draft', ctrl('r'), 'first', ctrl('g'), key.enter], 'draft'],
    [
      'what is not there changes nothing',
      [ctrl('r'), 'third', 'xyz', key.backspace, key.backspace, key.backspace, key.enter],
      'third question',
    ],
  ])('Ctrl-R %s', async (_, keys, expected) => {
    const { read, type } = await edit({ history });
    const message = read();
    await type(...keys);
    expect(await message).toBe(expected);
  });

  test('the search shows what it looks for', async () => {
    const { read, type, screen } = await edit({ history });
    void read();
    await type(ctrl('r'), 'fir');
    expect(screen.lines.at(-1)).toBe('(search: fir) first question');
  });

  async function historyFile(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'gemma-history-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return join(folder, 'history.jsonl');
  }

  const fail = (message: string): never => {
    throw new Error(message);
  };

  test('is kept in a private file; messages of several lines survive; a line that begins with a space stays out', async () => {
    const file = await historyFile();
    const first = await openHistory({ file, warn: fail });
    for (const text of ['one', 'two\nlines', ' secret', 'one', 'one', '  ']) await first.add(text);
    expect((await openHistory({ file, warn: fail })).entries).toEqual(['one', 'two\nlines', 'one']);
    expect(await readFile(file, 'utf8')).not.toContain('secret');
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('is bounded, and its file is cut when it has grown to twice that', async () => {
    const file = await historyFile();
    const history_ = await openHistory({ file, entriesMax: 5, warn: fail });
    for (let index = 0; index < 11; index += 1) await history_.add(`entry ${index}`);
    expect(history_.entries).toEqual(['entry 6', 'entry 7', 'entry 8', 'entry 9', 'entry 10']);
    const again = await openHistory({ file, entriesMax: 5, warn: fail });
    expect(again.entries).toEqual(history_.entries);
    expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(5);
  });

  test('damaged lines and lines of a later version are passed over, and the latter are kept', async () => {
    const file = await historyFile();
    await writeFile(file, '{"v":1,"text":"good"}\nrubbish\n{"v":2,"text":"later"}\n{"v":1,"tex');
    await appendFile(file, '\n');
    const history_ = await openHistory({ file, entriesMax: 1, warn: fail });
    expect(history_.entries).toEqual(['good']);
    expect(await readFile(file, 'utf8')).toContain('later');
  });

  test('a file that cannot be written is told once, and the chat goes on', async () => {
    const file = await historyFile();
    await writeFile(file, '');
    const told: string[] = [];
    const history_ = await openHistory({ file: join(file, 'below'), warn: (message) => told.push(message) });
    await history_.add('one');
    await history_.add('two');
    expect(told).toHaveLength(1);
    expect(history_.entries).toEqual(['one', 'two']);
  });
});

describe('help while typing', () => {
  test('Tab completes the only candidate, or what they share, and then lists them', async () => {
    const complete = (before: string): Promise<Completion> =>
      Promise.resolve({
        start: 0,
        candidates: ['/save', '/set', '/show', '/system', '/stats'].filter((name) => name.startsWith(before)),
      });
    const { read, type, screen } = await edit({ complete });
    const message = read();
    await type('/sy', key.tab, 'x', ctrl('u'), '/s', key.tab);
    expect(screen.lines).toEqual(['/save    /set     /show    /system', '/stats', '> /s']);
    await type('h', key.tab, 'y', key.enter);
    expect(await message).toBe('/show y');
  });

  test('names of files bring no control characters, whether they are listed or completed', async () => {
    const complete = (before: string): Promise<Completion> =>
      Promise.resolve({
        start: 0,
        candidates: [`ab${esc}[2J\n1`, `ab${esc}]0;x\u00072`].filter((name) => name.startsWith(before)),
      });
    const { read, type, screen } = await edit({ complete });
    const message = read();
    await type('a', key.tab);
    expect(screen.lines).toEqual(['> ab']);
    await type(key.tab);
    expect(screen.lines).toEqual(['ab 1  ab2', '> ab']);
    await type(key.enter);
    expect(await message).toBe('ab');
  });

  test('what fails beside the line is told, and the line goes on', async () => {
    const broken = (): Promise<never> => Promise.reject(new Error('no luck'));
    const { read, type, screen } = await edit({ complete: broken, compose: broken });
    const message = read();
    await type('draft', key.tab, ctrl('g'));
    expect(screen.lines.join('\n')).toContain('no luck');
    await type('!', key.enter);
    expect(await message).toBe('draft!');
  });

  test('Ctrl-G lets the message be written elsewhere, and does not send it', async () => {
    const { read, type, composed } = await edit({ compose: (text) => Promise.resolve(`${text} and more\nlines`) });
    const message = read();
    await type('draft', ctrl('g'), '!', key.enter);
    expect(await message).toBe('draft and more\nlines!');
    expect(composed).toEqual(['draft']);
  });

  test('an editor that fails leaves the message', async () => {
    const { read, type } = await edit({ compose: () => Promise.resolve(undefined) });
    const message = read();
    await type('draft', ctrl('g'), key.enter);
    expect(await message).toBe('draft');
  });
});
