import { spawnSync } from 'node:child_process';
import { mkdir, readFile, stat, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { describeUnless, readJournal, withTemporaryFolder, type WorkerScript } from '@gemma-cli/testkit';
import {
  missingPty,
  promptsOf,
  requirePython,
  runOnTerminal,
  scriptedBin,
  scriptedWorld,
  type TerminalOutcome,
} from './on-terminal.ts';
import { tinyModel } from './tiny-model.ts';

const editor = fileURLToPath(new URL('./fixtures/message-editor.sh', import.meta.url));

const esc = '\u001B';
const ctrl = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) - 0x60);
const up = `${esc}[A`;

/** What the user said last, in each prompt. */
function questions({ journal }: Pick<TerminalOutcome, 'journal'>): readonly (string | undefined)[] {
  return promptsOf(journal).map(
    (prompt) => /<\|user\|>((?:(?!<\|end\|>)[\s\S])*)<\|end\|><\|assistant\|>$/.exec(prompt)?.[1],
  );
}

const hello: WorkerScript = { answer: { text: 'Hello there.' } };

describeUnless(missingPty, 'a chat on a terminal', () => {
  beforeAll(requirePython);

  test('lines are edited, several are one message, and the history comes back in the next chat', async () => {
    const history = 'chat-history.jsonl';
    let kept = '';
    const outcome = await runOnTerminal({
      argv: ['chat'],
      script: hello,
      steps: [
        { expect: '> ' },
        { send: `ne two three${ctrl('a')}o${ctrl('e')}${ctrl('w')}${ctrl('w')}2\r` },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: `a${esc}\rb${ctrl('j')}c\r` },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: '"""first\r' },
        { send: 'second"""\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: ' a secret\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        // Twice within the message of two lines, then to the one before it.
        { send: `${up}${up}${up}\r` },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: `${ctrl('r')}two` },
        { expect: 'search: two' },
        { send: `${ctrl('g')}${ctrl('r')}ne` },
        { expect: 'search: ne' },
        { send: '\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: ctrl('d') },
      ],
      async after(home) {
        kept = await readFile(join(home, history), 'utf8');
        expect((await stat(join(home, history))).mode & 0o777).toBe(0o600);
      },
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(questions(outcome)).toEqual(['one 2', 'a\nb\nc', 'first\nsecond', ' a secret', 'a\nb\nc', 'one 2']);
    expect(
      kept
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { text: string }).text),
    ).toEqual(['one 2', 'a\nb\nc', '"""first\nsecond"""', 'a\nb\nc', 'one 2']);
  });

  test('a paste is one message and does not send itself; ui.history = false keeps nothing', async () => {
    const outcome = await runOnTerminal({
      argv: ['chat'],
      script: hello,
      env: { GEMMA_UI_HISTORY: 'false' },
      steps: [
        { expect: '> ' },
        { send: `${esc}[200~one\rtwo\u0003${esc}[31m three\r${esc}[201~` },
        { send: 'end\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: '/bye\r' },
      ],
      after: async (home) => {
        await expect(stat(join(home, 'chat-history.jsonl'))).rejects.toThrow('ENOENT');
      },
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(questions(outcome)).toEqual(['one\ntwo three\nend']);
    // Whoever comes after finds the terminal as it was.
    expect(outcome.output.lastIndexOf(`${esc}[?2004l`)).toBeGreaterThan(outcome.output.lastIndexOf(`${esc}[?2004h`));
  });

  test('Ctrl-G and /edit open the editor; /retry, /undo, /copy and Tab do what they say', async () => {
    let editedFrom = '';
    const outcome = await runOnTerminal({
      argv: ['chat'],
      script: { answer: { text: 'See:\n\n```js\nlet a = 1;\n```\n' } },
      env: { VISUAL: '', EDITOR: editor },
      steps: [
        { expect: '> ' },
        { send: `draft${ctrl('g')}` },
        { expect: 'in two lines' },
        { send: '\r' },
        { expect: 'let a = 1;' },
        { expect: '> ' },
        { send: '/copy code\r' },
        { expect: `${esc}]52;c;${Buffer.from('let a = 1;').toString('base64')}\u0007` },
        { expect: '> ' },
        { send: 'second\r' },
        { expect: 'let a = 1;' },
        { expect: '> ' },
        { send: '/edit\r' },
        { expect: 'let a = 1;' },
        { expect: '> ' },
        { send: '/retr\t\r' },
        { expect: 'let a = 1;' },
        { expect: '> ' },
        { send: '/undo\r' },
        { expect: 'Taken back' },
        { expect: '> ' },
        { send: '/st' },
        { send: '\t\r' },
        { expect: 'messages' },
        { expect: '> ' },
        { send: '/exit\r' },
      ],
      async after(home) {
        editedFrom = await readFile(join(home, 'edited-from'), 'utf8');
      },
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
    const text = 'from the editor\nin two lines';
    expect(questions(outcome)).toEqual([text, 'second', text, text]);
    expect(editedFrom).toBe('second\n');
    expect(outcome.output).toContain('session   2 messages · 4 answers');
  });

  test('a changed question is kept when the process dies before its first word, and /retry asks it in the old one’s place', async () => {
    const outcome = await runOnTerminal({
      argv: ['chat'],
      // Only the longer text from the editor evaluates so many tokens.
      script: { ...hello, faults: [{ at: 'evaluate', process: 1, after: 25, do: 'exit', code: 3 }] },
      env: { VISUAL: '', EDITOR: editor },
      steps: [
        { expect: '> ' },
        { send: 'one\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: '/edit\r' },
        { expect: '[ENGINE_EXITED]' },
        { expect: '> ' },
        { send: '/retry\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: '/stats\r' },
        { expect: '2 messages' },
        { expect: '> ' },
        { send: ctrl('d') },
      ],
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(questions(outcome)).toEqual(['one', 'from the editor\nin two lines']);
  });

  test('with --json, and on a dumb terminal, /copy writes nothing but why not', async () => {
    const json = await runOnTerminal({
      argv: ['chat', '--json'],
      script: hello,
      env: { VISUAL: '', EDITOR: editor },
      steps: [
        { send: 'one\r' },
        { expect: '"text":"Hello there."' },
        { send: '/copy\r' },
        { expect: '/copy needs a chat without --json' },
        { send: '/edit\r' },
        { expect: '/edit needs a chat without --json' },
        { send: ctrl('d') },
      ],
    });
    expect(json).toMatchObject({ code: 2, failure: null });
    expect(json.output).not.toContain(esc);
    const dumb = await runOnTerminal({
      argv: ['chat'],
      script: hello,
      env: { TERM: 'dumb' },
      steps: [
        { expect: '> ' },
        { send: 'one\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: '/copy\r' },
        { expect: 'TERM=dumb' },
        { expect: '/save' },
        { expect: '> ' },
        { send: ctrl('d') },
      ],
    });
    expect(dumb).toMatchObject({ code: 0, failure: null });
    expect(dumb.output).not.toContain(esc);
  });

  test('/model fetches one that is not there after a yes, and Ctrl-C ends the fetching alone', async () => {
    const file = tinyModel();
    const server = createServer((request, response) => {
      response.writeHead(200, { 'content-length': file.length });
      // Of the one that nobody waits for, half comes.
      if (request.url === '/slow.gguf') response.write(file.subarray(0, file.length / 2));
      else response.end(file);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const outcome = await runOnTerminal({
        argv: ['chat'],
        script: hello,
        steps: [
          { expect: '> ' },
          { send: `/model http://127.0.0.1:${port}/other.gguf\r` },
          { expect: 'Fetch it now? [y/N] ' },
          { send: 'y\r' },
          { expect: 'The next answer comes from other' },
          { expect: '> ' },
          { send: `/model http://127.0.0.1:${port}/slow.gguf\r` },
          { expect: 'Fetch it now? [y/N] ' },
          { send: 'y\r' },
          { expect: 'Trying' },
          { send: ctrl('c') },
          { expect: '[ABORTED]' },
          { expect: '> ' },
          { send: 'one\r' },
          { expect: 'Hello there.' },
          { expect: 'other' },
          { expect: '> ' },
          { send: ctrl('d') },
        ],
      });
      expect(outcome).toMatchObject({ code: 0, failure: null });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('an unreadable history and a saved chat that leads nowhere end no chat', async () => {
    const outcome = await runOnTerminal({
      argv: ['chat'],
      script: hello,
      async before(home) {
        await mkdir(join(home, 'chat-history.jsonl'), { recursive: true });
        await mkdir(join(home, 'sessions'));
        await symlink(join(home, 'nowhere'), join(home, 'sessions', 'talk.json'));
      },
      steps: [
        { expect: 'the history is not kept' },
        { expect: '> ' },
        { send: '/load \t' },
        { send: ctrl('u') },
        { send: 'one\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: ctrl('d') },
      ],
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
  });

  test('Ctrl-C in the editor is the editor’s, and does not end the chat', async () => {
    const outcome = await runOnTerminal({
      argv: ['chat'],
      script: hello,
      env: {
        VISUAL: '',
        EDITOR: `f() { trap '' INT; echo editing; read text; echo "$text!" > "$1"; }; f`,
      },
      steps: [
        { expect: '> ' },
        { send: ctrl('g') },
        { expect: 'editing' },
        { send: ctrl('c') },
        { expect: '^C' },
        { send: 'written\r' },
        { expect: 'written!' },
        { send: '\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: ctrl('d') },
      ],
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(questions(outcome)).toEqual(['written!']);
  });

  test('/save asks before it replaces, and /load goes on', async () => {
    const outcome = await runOnTerminal({
      argv: ['chat'],
      script: hello,
      steps: [
        { expect: '> ' },
        { send: 'one\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: '/save talk\r' },
        { expect: 'Saved as' },
        { expect: '> ' },
        { send: '/save talk\r' },
        { expect: '[y/N]' },
        { send: 'n\r' },
        { expect: 'Not saved.' },
        { expect: '> ' },
        { send: '/clear\r' },
        { expect: 'forgotten' },
        { expect: '> ' },
        { send: '/load ta\t\r' },
        { expect: 'Loaded 2 messages' },
        { expect: '> ' },
        { send: 'two\r' },
        { expect: 'Hello there.' },
        { expect: '> ' },
        { send: ctrl('d') },
      ],
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(promptsOf(outcome.journal).at(-1)).toContain(
      '<|user|>one<|end|><|assistant|>Hello there.<|end|><|user|>two',
    );
  });

  test('Ctrl-D during an answer ends it and leaves', async () => {
    const outcome = await runOnTerminal({
      argv: ['chat'],
      script: { answer: { repeat: 'x', times: 1_000_000 }, pieceMs: 1 },
      steps: [{ expect: '> ' }, { send: 'one\r' }, { expect: 'xxxxx' }, { send: ctrl('d') }],
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
  });

  test('a dumb terminal and NO_COLOR: no control sequences, no colours', async () => {
    const script: WorkerScript = { answer: { text: '# Title\n\n**bold** `code`' } };
    const steps = [{ expect: '> ' }, { send: 'one\r' }, { expect: 'code' }, { expect: '> ' }, { send: ctrl('d') }];
    const dumb = await runOnTerminal({ argv: ['chat'], script, steps, env: { TERM: 'dumb' } });
    expect(dumb).toMatchObject({ code: 0, failure: null });
    expect(dumb.output).not.toContain(esc);
    expect(dumb.output).toContain('**bold** `code`');
    const plain = await runOnTerminal({ argv: ['chat'], script, steps, env: { NO_COLOR: '1' } });
    expect(plain.output).toContain(`${esc}[1mbold${esc}[22m`);
    // oxlint-disable-next-line no-control-regex -- colours are what is looked for
    expect(plain.output).not.toMatch(/\u001B\[(?:3[0-7]|9\d)m/);
  });

  test('the model is loaded while the first message is typed; a wrong one is told at once', async () => {
    const outcome = await runOnTerminal({
      argv: ['chat', '-m', 'nope'],
      script: hello,
      steps: [{ expect: '[MODEL_NOT_FOUND]' }, { expect: '> ' }, { send: ctrl('d') }],
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
    const broken = await runOnTerminal({
      argv: ['chat'],
      script: { faults: [{ at: 'load', do: 'failure', code: 'MODEL_INVALID', message: 'These weights are broken.' }] },
      steps: [{ expect: 'These weights are broken. [MODEL_INVALID]' }, { send: ctrl('d') }],
    });
    expect(broken).toMatchObject({ code: 0, failure: null });
  });

  test('after an answer, one line says model, context, cached share, speed and threads', async () => {
    const outcome = await runOnTerminal({
      argv: ['chat', '-o', 'contextTokens=512'],
      script: hello,
      steps: [
        { expect: '> ' },
        { send: 'one\r' },
        { expect: 'of 512' },
        { expect: '> ' },
        { send: 'two\r' },
        { expect: '% cached' },
        { expect: '> ' },
        { send: ctrl('d') },
      ],
    });
    expect(outcome).toMatchObject({ code: 0, failure: null });
    expect(outcome.output).toMatch(/tiny · context \d+ of 512 \(\d+ %\) · \d+ % cached/);
    expect(outcome.output.match(/ · \d+(?:→[\d…]+)* threads?\b/g)).toHaveLength(2);
  });
});

/** Looks seldom: each look starts a process. */
async function untilShown(condition: () => boolean, what: () => string): Promise<void> {
  for (let looks = 0; looks < 200; looks += 1) {
    if (condition()) return;
    await sleep(100);
  }
  throw new Error(`Expected ${what()}`);
}

/** Rows without what wrapping does to spaces. */
function withoutSpaces(text: string): string {
  return text.replaceAll(' ', '');
}

const tmuxVersion = spawnSync('tmux', ['-V'], { encoding: 'utf8' }).stdout?.trim() ?? '';
const missingTmux = tmuxVersion === '' ? 'tmux is not installed' : undefined;

interface Tmux {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly journal: string;
  /** Runs a command of tmux. */
  run(...args: readonly string[]): string;
  /** Types text. */
  type(text: string): void;
  /** Presses a key by tmux's name. */
  press(key: string): void;
  /** The rows that are seen, without the spaces at their end. */
  screen(): readonly string[];
  /** Waits until a text is seen, however it is wrapped. */
  shows(text: string): Promise<void>;
}

/** Runs `body` with a window of tmux in which `command` runs. */
function inTmux(script: WorkerScript, command: string, body: (tmux: Tmux) => Promise<void>): Promise<void> {
  return withTemporaryFolder(async (folder) => {
    const { env, journal } = await scriptedWorld(folder, script);
    const socket = join(folder, 'tmux');
    const run = (...args: readonly string[]): string => {
      const { status, stdout, stderr } = spawnSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], {
        env: { ...env, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8' },
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`);
      return stdout;
    };
    const screen = (): readonly string[] =>
      run('capture-pane', '-p')
        .trimEnd()
        .split('\n')
        .map((line) => line.trimEnd());
    const tmux: Tmux = {
      env,
      journal,
      run,
      screen,
      type: (text) => run('send-keys', '-l', text),
      press: (key) => run('send-keys', key),
      shows: (text) =>
        untilShown(
          () => withoutSpaces(screen().join('')).includes(withoutSpaces(text)),
          () => [text, 'on the screen:', ...screen()].join('\n'),
        ),
    };
    try {
      run('new-session', '-d', '-x', '40', '-y', '20', command);
      await body(tmux);
      await untilShown(
        () => spawnSync('tmux', ['-S', socket, 'has-session'], { env }).status !== 0,
        () => 'the end of the command',
      );
    } finally {
      spawnSync('tmux', ['-S', socket, 'kill-server'], { env });
    }
  });
}

const chatCommand = `'${process.execPath}' '${scriptedBin}' chat`;

describeUnless(missingTmux, 'a chat in tmux', () => {
  test('what is seen is the answer laid out, at every size, and pastes and the clipboard go through', () => {
    const table = '| Name | Price |\n|:--|--:|\n| Apple | 3 |\n| Watermelon | 12 |\n';
    const prose = 'A **bold** word and many more words, so that the line is broken.';
    const script: WorkerScript = { answer: { text: `# Fruit\n\n${prose}\n\n${table}\nDone.` }, pieceMs: 2 };
    return inTmux(script, `exec ${chatCommand}`, async ({ run, type, press, screen, shows, journal }) => {
      run('set-option', '-g', 'set-clipboard', 'on');
      await shows('leaves.>');
      type('What is the price of all the fruit in the shop today?');
      await shows('today?');
      expect(screen().slice(-2)).toEqual(['> What is the price of all the fruit in', 'the shop today?']);
      run('resize-window', '-x', '30', '-y', '20');
      type(' Or tomorrow?');
      await shows('>What is the price of all the fruit in the shop today? Or tomorrow?');
      expect(screen().filter((line) => line.includes('What is'))).toHaveLength(1);
      run('resize-window', '-x', '50', '-y', '20');
      // tmux holds the second of two changes back for a quarter of a second, and shows nobody when it passes it on.
      await sleep(750);
      type('!');
      await shows('Or tomorrow?!');
      press('Enter');
      await shows('tokens/s');
      const shown = screen();
      expect(shown.slice(shown.indexOf('Fruit'), shown.indexOf('Done.') + 1)).toEqual([
        'Fruit',
        '',
        'A bold word and many more words, so that the line',
        'is broken.',
        '',
        'Name        Price',
        '──────────  ─────',
        'Apple           3',
        'Watermelon     12',
        '',
        'Done.',
      ]);
      run('set-buffer', 'pasted one\npasted two\n');
      run('paste-buffer', '-p');
      await shows('pasted two');
      type('typed');
      await shows('typed');
      press('Enter');
      await untilShown(
        () => promptsOf(readJournal(journal)).length === 2,
        () => 'the second question',
      );
      expect(questions({ journal: readJournal(journal) }).at(-1)).toBe('pasted one\npasted two\ntyped');
      await shows('Done.tiny');
      press('C-l');
      type('/copy');
      await untilShown(
        () => screen()[0] === '> /copy',
        () => 'a clear screen',
      );
      press('Enter');
      await shows('Copied');
      expect(run('show-buffer')).toContain('| Watermelon | 12 |');
      press('C-d');
    });
  });

  test('a change of the size in the middle of an answer leaves nothing twice', () => {
    const words = Array.from({ length: 60 }, (_, index) => `w${index}`).join(' ');
    // Slowly: tmux passes a second change within a quarter of a second on only after that time.
    return inTmux({ answer: { text: words }, pieceMs: 40, pieceBytes: 4 }, `exec ${chatCommand}`, async (tmux) => {
      await tmux.shows('leaves.>');
      tmux.type('go');
      tmux.press('Enter');
      await tmux.shows('w10');
      tmux.run('resize-window', '-x', '60', '-y', '20');
      await tmux.shows('w25');
      tmux.run('resize-window', '-x', '33', '-y', '20');
      await tmux.shows('tokens/s');
      const shown = tmux.screen().join(' ');
      expect(shown.match(/\bw\d+\b/g)).toEqual(words.split(' '));
      tmux.press('C-d');
    });
  });

  test('Ctrl-Z suspends and fg comes back; without a shell above it, the chat goes on', async () => {
    await inTmux(hello, '/bin/sh', async ({ type, press, shows }) => {
      type(chatCommand);
      press('Enter');
      await shows('leaves.>');
      type('half');
      await shows('>half');
      press('C-z');
      await shows('topped');
      type('fg');
      press('Enter');
      // The shell tells what it goes on with, then the prompt is back. What is typed before that is read as lines: its
      // Enter would be a newline.
      await shows('chat>half');
      type(' whole');
      press('Enter');
      await shows('Hello there.');
      await shows('tokens/s');
      press('C-d');
      type('exit');
      press('Enter');
    });
    // What started it, as npm does, stops with it, so that the shell has the terminal.
    await inTmux(hello, '/bin/sh', async ({ type, press, shows }) => {
      type(`sh -c "${chatCommand}; echo $((6*7))x"`);
      press('Enter');
      await shows('leaves.>');
      press('C-z');
      await shows('topped');
      type('fg');
      press('Enter');
      await shows('6*7))x">');
      type('after');
      press('Enter');
      await shows('Hello there.');
      await shows('tokens/s');
      press('C-d');
      await shows('42x');
      type('exit');
      press('Enter');
    });
    await inTmux(hello, `exec ${chatCommand}`, async ({ type, press, shows }) => {
      await shows('leaves.>');
      press('C-z');
      await shows('leaves.>>');
      type('still here');
      press('Enter');
      await shows('Hello there.');
      await shows('tokens/s');
      press('C-d');
    });
  });
});
