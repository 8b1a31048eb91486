import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GemmaError } from '@gemma-cli/contracts';
import { readJournal, withTemporaryFolder } from '@gemma-cli/testkit';
import {
  chatCommands,
  chatKeys,
  isChatCommand,
  renderChatHelp,
  runChatCommand,
  type ChatWorld,
} from '../src/chat/chat-commands.ts';
import { completeLine } from '../src/chat/completion.ts';
import { applySetting, resetSetting, settingKey, settings, settingValue } from '../src/chat/settings.ts';
import { createFigures } from '../src/chat/figures.ts';
import { putNew } from '../src/chat/saved-chat.ts';
import { renderStatus } from '../src/render/render-figures.ts';
import { answerOptionKeys } from '../src/thin/parse-answer-options.ts';
import { tryMain, type MainTrial } from './run-main.ts';

const hello = { answer: { text: 'Hello there.' } } as const;

function prompts(trial: MainTrial): readonly string[] {
  return readJournal(trial.journal).flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : []));
}

function generateParams(trial: MainTrial): readonly Record<string, unknown>[] {
  return readJournal(trial.journal).flatMap((entry) =>
    entry.event === 'call' && entry.operation === 'generate' ? [entry.params] : [],
  );
}

function lines(...text: readonly string[]): string {
  return `${text.join('\n')}\n`;
}

describe('commands of a chat', () => {
  test('/retry asks again with another seed, /undo takes back, /system and /clear say what they did', () =>
    tryMain({}, async (trial) => {
      const { code, stderr } = await trial.run(['chat', '-o', 'seed=7'], {
        script: hello,
        input: lines(
          'one',
          'two',
          '/retry',
          '/undo',
          '/system Be brief.',
          'three',
          '/system',
          '/clear',
          '/undo',
          '/retry',
        ),
      });
      expect(code).toBe(0);
      const sent = prompts(trial);
      expect(sent).toHaveLength(4);
      expect(sent[2]).toBe(sent[1]);
      expect(sent[3]).toBe(
        '<|begin|><|system|>Be brief.<|end|><|user|>one<|end|><|assistant|>Hello there.<|end|><|user|>three<|end|><|assistant|>',
      );
      const seeds = generateParams(trial).map((params) => JSON.stringify(params).match(/"seed":(\d+)/)?.[1]);
      expect(seeds[0]).toBe('7');
      expect(seeds[1]).toBe('7');
      expect(seeds[2]).not.toBe('7');
      expect(seeds[3]).toBe('7');
      expect(stderr).toContain('Taken back: two');
      expect(stderr).toContain('Be brief.');
      expect(stderr.match(/Nothing was (?:said|asked) yet/g)).toHaveLength(2);
    }));

  test('/set shows every option with its range, changes it for the answers to come, and takes it back', () =>
    tryMain({}, async (trial) => {
      const { stderr } = await trial.run(['chat'], {
        script: hello,
        input: lines(
          '/set',
          '/set top_k 3',
          '/set parameter num_predict 5',
          '/set temp=0',
          'one',
          '/set topK default',
          '/set topK',
          '/settings',
        ),
      });
      for (const key of Object.keys(answerOptionKeys)) expect(stderr).toContain(`${key} = `);
      expect(stderr).toContain('a number from 0 to 2');
      expect(JSON.stringify(generateParams(trial)[0])).toMatch(/"temperature":0\b/);
      expect(JSON.stringify(generateParams(trial)[0])).toMatch(/"topK":3\b/);
      expect(stderr).toMatch(/topK = 40 +a whole number, 0 or more/);
      expect(stderr).toMatch(/maxTokens = 5 [\s\S]*\(default\s+2048\)/);
    }));

  test('a value out of range and an unknown name are refused with what is right', () =>
    tryMain({}, async ({ run }) => {
      const { code, stderr } = await run(['chat'], {
        input: lines(
          '/set temperature 3',
          '/set topK 1.5',
          '/set tempratur 1',
          '/set topP much',
          '/show everything',
          '/load',
          '/save a/../../b\u0007',
        ),
      });
      expect(code).toBe(2);
      expect(stderr).toContain('Expected temperature to be a number from 0 to 2, got 3.');
      expect(stderr).toContain('Expected topK to be a whole number, 0 or more, got 1.5.');
      expect(stderr).toContain('Did you mean temperature?');
      expect(stderr).toMatch(/Expected a number for .*topP/);
      expect(stderr).toContain('Expected /show, /show system or /show history');
      expect(stderr).toContain('Expected /load NAME');
    }));

  test('/save and /load carry a conversation over; an existing file is replaced only with --force', () =>
    tryMain({}, async (trial) => {
      const first = await trial.run(['chat', '-s', 'S'], {
        script: hello,
        input: lines(
          '/save early',
          '/set topK 3',
          'one',
          '/save talk',
          '/save talk',
          '/session save ./here.json',
          '/save',
          '/list',
          '/save ../bad:name',
        ),
      });
      const folder = join(trial.folder, 'home', 'sessions');
      const saved = await readdir(folder);
      expect(saved).toEqual([expect.stringMatching(/^chat_\d{8}_\d{6}\.json$/), 'talk.json']);
      if (process.platform !== 'win32') expect((await stat(join(folder, 'talk.json'))).mode & 0o777).toBe(0o600);
      expect(JSON.parse(await readFile(join(folder, 'talk.json'), 'utf8'))).toMatchObject({
        format: 'gemma-chat',
        version: 1,
        system: 'S',
        options: { sampling: { topK: 3 } },
        messages: [
          { role: 'user', content: 'one' },
          { role: 'assistant', content: 'Hello there.' },
        ],
      });
      expect(await readFile(join(trial.folder, 'here.json'), 'utf8')).toContain('gemma-chat');
      expect(first.stderr).toContain('Nothing was said yet.');
      expect(first.stderr).toContain('Add --force to replace it.');
      expect(first.stderr).toMatch(/\d{4}-\d{2}-\d{2} \d{2}:\d{2} {2}talk/);

      const second = await trial.run(['chat'], {
        script: hello,
        input: lines(
          '/load talk',
          'two',
          '/set topK',
          '/show history',
          '/save talk --force',
          '/load ./here.json',
          '/show',
        ),
      });
      expect(prompts(trial).at(-1)).toBe(
        '<|begin|><|system|>S<|end|><|user|>one<|end|><|assistant|>Hello there.<|end|><|user|>two<|end|><|assistant|>',
      );
      expect(second.stderr).toContain('Loaded 2 messages.');
      expect(second.stderr).toContain('topK = 3');
      expect(second.stderr).toContain('user: two');
      expect(second.stderr).toMatch(/options +topK = 3/);
      expect(JSON.parse(await readFile(join(folder, 'talk.json'), 'utf8')).messages).toHaveLength(4);
    }));

  test('a file that is no conversation, or one of a later version, is refused and changes nothing', () =>
    tryMain({}, async (trial) => {
      const folder = join(trial.folder, 'home', 'sessions');
      await mkdir(folder, { recursive: true });
      const broken = {
        rubbish: 'not json',
        other: '{"format":"x"}',
        later: '{"format":"gemma-chat","version":2}',
        parts:
          '{"format":"gemma-chat","version":1,"savedAt":"","model":"m","system":null,"options":{},"messages":[{"role":"tool","content":""}]}',
        half: '{"format":"gemma-chat","version":1,"savedAt":"","model":"m","system":null,"options":{},"messages":[{"role":"user","content":"x"}]}',
      };
      for (const [name, text] of Object.entries(broken)) await writeFile(join(folder, `${name}.json`), text);
      const { stderr } = await trial.run(['chat'], {
        script: hello,
        input: lines('one', ...Object.keys(broken).map((name) => `/load ${name}`), '/load absent', '/load con', 'two'),
      });
      expect(stderr.match(/\[FILE_UNREADABLE\]/g)).toHaveLength(5);
      expect(stderr).toContain('it has version 2 and this program reads 1');
      expect(stderr).toContain('[REQUEST_INVALID]');
      expect(stderr).toContain('/list shows what was saved');
      expect(prompts(trial).at(-1)).toContain('<|user|>one<|end|>');
    }));

  test('a stranger’s file chooses no file as the model, no option that /set has not, and no control characters', () =>
    tryMain({}, async (trial) => {
      const other = join(trial.folder, 'other.gguf');
      await writeFile(other, await readFile(trial.model));
      const options = {
        sampling: { topK: 3, temperature: 99, seed: 'x', logitBias: { 5: -1 }, evil: 1 },
        stop: ['END'],
        maxTokens: null,
        speculation: { type: 'draft', model: other },
      };
      const messages = [
        { role: 'user', content: 'o\u001B[31mn\0e', extra: 1 },
        { role: 'assistant', content: 'a\u001Bb' },
      ];
      const file = {
        format: 'gemma-chat',
        version: 1,
        savedAt: '',
        model: other,
        system: 'S\u001B',
        options,
        messages,
      };
      await writeFile(join(trial.folder, 'theirs.json'), JSON.stringify(file));
      const { code, stderr } = await trial.run(['chat'], {
        script: hello,
        input: lines('/load theirs.json', 'two', '/show', '/save mine'),
      });
      expect(code).toBe(0);
      expect(stderr).toContain(`The file was said with ${JSON.stringify(other)}; choose it with /model.`);
      expect(stderr).toContain('Not taken over from the file: maxTokens, speculation, temperature, seed, evil.');
      expect(prompts(trial).at(-1)).toBe(
        '<|begin|><|system|>S<|end|><|user|>o[31mne<|end|><|assistant|>ab<|end|><|user|>two<|end|><|assistant|>',
      );
      expect(stderr).toContain(trial.model);
      const saved = JSON.parse(await readFile(join(trial.folder, 'home', 'sessions', 'mine.json'), 'utf8'));
      expect(saved.options).toEqual({ sampling: { topK: 3, logitBias: { 5: -1 } }, stop: ['END'] });
      expect(saved.messages[0]).toEqual({ role: 'user', content: 'o[31mne' });
    }));

  test('without hard links a conversation is saved all the same, and replaces nothing', () =>
    withTemporaryFolder(async (folder) => {
      const [from, to] = [join(folder, 'from'), join(folder, 'to')];
      await writeFile(from, 'x', { mode: 0o600 });
      for (const code of ['EPERM', 'ENOTSUP', 'ENOSYS']) {
        const none = (): Promise<void> => Promise.reject(Object.assign(new Error(code), { code }));
        await putNew(from, to, none);
        expect(await readFile(to, 'utf8')).toBe('x');
        await expect(putNew(from, to, none)).rejects.toMatchObject({ code: 'EEXIST' });
        await rm(to);
      }
      const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
      await expect(putNew(from, to, () => Promise.reject(full))).rejects.toBe(full);
    }));

  test.each([
    ['llama.cpp', { type: 'retry', seed: 5 }],
    ['gemma.cpp', { type: 'retry' }],
  ])('/retry of an answer of %s sends what that takes', async (runtime, expected) => {
    const figures = createFigures();
    const engine = { requested: 'optimized', active: 'optimized', runtime } as const;
    figures.take({ type: 'answer-start', model: { name: 'm', path: '/m' }, mode: 'chat', engine });
    const messages = [{ role: 'user', content: 'one' }] as const;
    const world = { figures, session: { messages }, unanswered: undefined, seed: () => 5 } as unknown as ChatWorld;
    expect(await runChatCommand(world, '/retry')).toEqual(expected);
  });

  test('/model changes the model, and refuses one that is not there', () =>
    tryMain({}, async (trial) => {
      const { code, stderr } = await trial.run(['chat', '-m', 'nope'], {
        script: hello,
        input: lines('/model nowhere', `/model ${trial.model}`, 'one', '/model'),
      });
      expect(code).toBe(3);
      expect(stderr).toContain('[MODEL_NOT_FOUND]');
      expect(stderr).toContain('The next answer comes from tiny.');
      expect(prompts(trial)).toHaveLength(1);
    }));

  test('/model of one that is not installed says how to get it, and asks nobody without a terminal', () =>
    tryMain({}, async ({ run }) => {
      const { code, stderr } = await run(['chat'], {
        input: lines('/model gemma3:4b', '/model hf:someone/something:Q4_0', '/model gemma3:one'),
      });
      expect(code).toBe(3);
      expect(stderr).toContain('The model gemma3:4b is not installed. Run gemma pull gemma3:4b.');
      expect(stderr).toContain('Run gemma pull hf:someone/something:Q4_0, then /model NAME.');
      expect(stderr).toContain('There is no model "gemma3:one". Did you mean gemma3:');
      expect(stderr).not.toContain('[y/N]');
    }));

  test('what needs a terminal says so; a path and a text after a space are no commands', () =>
    tryMain({}, async (trial) => {
      const { stderr } = await trial.run(['chat'], {
        script: hello,
        input: lines(
          '/copy',
          '/edit',
          '/usr/bin/env is what?',
          ' /set it is',
          '/store a fact',
          '/benchmark',
          '/hlep',
          '/help save',
          '/? foo',
        ),
      });
      expect(stderr).toContain('/copy needs a terminal.');
      expect(stderr).toContain('/edit needs a terminal.');
      expect(prompts(trial).map((prompt) => prompt.match(/<\|user\|>([^<]*)<\|end\|><\|assistant\|>$/)?.[1])).toEqual([
        '/usr/bin/env is what?',
        ' /set it is',
      ]);
      expect(stderr).toContain(
        'no command "/store". It was a command of the Python program. In a shell: `gemma memory add TEXT`.',
      );
      expect(stderr).toContain('`gemma bench`');
      expect(stderr).toContain('Did you mean /help?');
      expect(stderr).toContain('/save [NAME|FILE] [--force]');
      expect(stderr).toContain('no command "/foo"');
    }));

  test('a question that got nothing can be asked again', () =>
    tryMain({}, async (trial) => {
      const { code } = await trial.run(['chat'], {
        script: { ...hello, faults: [{ at: 'evaluate', process: 1, do: 'exit', code: 3 }] },
        input: lines('one', '/retry'),
      });
      // The first one failed.
      expect(code).toBe(4);
      expect(prompts(trial).at(-1)).toBe('<|begin|><|user|>one<|end|><|assistant|>');
    }));
});

describe('a question that got nothing', () => {
  const firstFails = { ...hello, faults: [{ at: 'evaluate', process: 1, do: 'exit', code: 3 }] } as const;

  test('is not asked again after /clear', () =>
    tryMain({}, async (trial) => {
      const { stderr } = await trial.run(['chat'], { script: firstFails, input: lines('one', '/clear', '/retry') });
      expect(stderr).toContain('Nothing was asked yet.');
      expect(prompts(trial)).toEqual([]);
    }));

  test('is what /undo takes back, and what was answered before it stays', () =>
    tryMain({}, async (trial) => {
      // Only the long question evaluates so many tokens.
      const script = { ...hello, faults: [{ at: 'evaluate', process: 1, after: 40, do: 'exit', code: 3 }] } as const;
      const long = 'two, and more words than the process lives to read';
      const { stderr } = await trial.run(['chat'], {
        script,
        input: lines('one', long, '/undo', '/retry', '/show history'),
      });
      expect(stderr).toContain(`Taken back: ${long}`);
      expect(prompts(trial)).toHaveLength(2);
      expect(prompts(trial)[1]).toBe(prompts(trial)[0]);
      expect(stderr).toContain('user: one\n\nassistant: Hello there.');
    }));

  test('does not follow into a conversation that is loaded', () =>
    tryMain({}, async (trial) => {
      await trial.run(['chat'], { script: hello, input: lines('before', '/save talk') });
      await rm(trial.journal);
      await trial.run(['chat'], { script: firstFails, input: lines('one', '/load talk', '/retry') });
      expect(prompts(trial)).toEqual(['<|begin|><|user|>before<|end|><|assistant|>']);
    }));

  test('is not one that was answered with no words: /retry puts the new answer in its place', () =>
    tryMain({}, async (trial) => {
      const { stderr } = await trial.run(['chat'], {
        script: { answer: { text: '' } },
        input: lines('one', '/retry', '/show history'),
      });
      expect(prompts(trial)[1]).toBe(prompts(trial)[0]);
      expect(stderr.match(/user: one/g)).toHaveLength(1);
    }));

  test('in the place of an older one stays so: /retry and /edit ask it there', async () => {
    const messages = [
      { role: 'user', content: 'old' },
      { role: 'assistant', content: 'answer' },
    ] as const;
    const unanswered = { type: 'retry', text: 'edited' } as const;
    const world = {
      figures: createFigures(),
      session: { messages },
      unanswered,
      compose: (text: string) => Promise.resolve(`${text} again`),
    } as unknown as ChatWorld;
    expect(await runChatCommand(world, '/retry')).toEqual(unanswered);
    expect(await runChatCommand(world, '/edit')).toEqual({ type: 'retry', text: 'edited again' });
  });
});

describe('/model at a terminal', () => {
  /** Runs `/model` where `installed` is there. Gives what was asked, fetched, said and chosen. */
  async function choose(reference: string, { yes, installed = [] }: { yes: boolean; installed?: readonly string[] }) {
    const log: string[] = [];
    const there = new Set(installed);
    const world = {
      session: { model: 'tiny', setModel: (path: string) => log.push(`model ${path}`) },
      findModel: (name: string) =>
        there.has(name)
          ? Promise.resolve({ name, path: `/models/${name}`, chat: true })
          : Promise.reject(new GemmaError({ code: 'MODEL_NOT_FOUND', message: 'None.', facts: { name } })),
      confirm: (question: string) => {
        log.push(question);
        return Promise.resolve(yes);
      },
      fetchModel: (wanted: string) => {
        log.push(`fetch ${wanted}`);
        there.add('fetched');
        return Promise.resolve('fetched');
      },
      say: (line: string) => log.push(line),
      prepare: () => undefined,
    } as unknown as ChatWorld;
    const outcome = await runChatCommand(world, `/model ${reference}`).catch((error: unknown) => String(error));
    return { log, outcome };
  }

  test('asks to fetch one of the catalog, says its size, and goes on with it', async () => {
    expect(await choose('GEMMA3:1b', { yes: true })).toEqual({
      outcome: { type: 'stay' },
      log: [
        'gemma3:1b is not installed. Fetch it now, about 806 MB?',
        'fetch gemma3:1b',
        'model /models/fetched',
        'The next answer comes from fetched.',
      ],
    });
  });

  test('asks to fetch from a source', async () => {
    const { log } = await choose('pip:some-model==1.0', { yes: true });
    expect(log.slice(0, 2)).toEqual([
      'pip:some-model==1.0 is not the name of an installed model. Fetch it now?',
      'fetch pip:some-model==1.0',
    ]);
  });

  test('changes nothing after a no, and asks nothing about one that is there or is in no catalog', async () => {
    const refused = await choose('gemma3', { yes: false });
    expect(refused.log).toEqual([
      'gemma3:270m is not installed. Fetch it now, about 253 MB?',
      'Not fetched: tiny goes on. `gemma pull gemma3:270m` fetches it later.',
    ]);
    const installed = await choose('gemma3:1b', { yes: true, installed: ['gemma3:1b'] });
    expect(installed.log).toEqual(['model /models/gemma3:1b', 'The next answer comes from gemma3:1b.']);
    expect(await choose('nowhere', { yes: true })).toEqual({ outcome: 'GemmaError: None.', log: [] });
    // It turns text into numbers: no answer comes from it.
    expect((await choose('embeddinggemma:300m', { yes: true })).log).toEqual([]);
  });
});

describe('the table of commands', () => {
  test('has every name of the issue and of the Python program, each once', () => {
    const names = chatCommands.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    const expected =
      '/help /? /model /system /set /show /stats /retry /undo /clear /save /load /copy /edit /bye /exit /quit /list /status /settings /info';
    expect(names).toEqual(expect.arrayContaining(expected.split(' ')));
    expect(new Set(names).size).toBe(names.length);
  });

  test('help names every command and every key, in lines that fit', () => {
    const help = renderChatHelp();
    for (const line of help) expect(line.length).toBeLessThan(80);
    const text = help.join(' ').replaceAll(/\s+/g, ' ');
    for (const { name, summary, aliases = [] } of chatCommands)
      for (const part of [name, summary, ...aliases]) expect(text).toContain(part);
    for (const [key, effect] of chatKeys) for (const part of [key, effect]) expect(text).toContain(part);
  });

  test('docs/chat.md names every command, alias and key', async () => {
    const document = (await readFile(new URL('../../../docs/chat.md', import.meta.url), 'utf8')).replaceAll('\\|', '|');
    for (const { name, aliases = [], argument } of chatCommands) {
      expect(document).toContain(`\`${argument === undefined ? name : `${name} ${argument}`}\``);
      for (const alias of aliases) expect(document).toContain(`\`${alias}\``);
    }
    for (const [keys, effect] of chatKeys) {
      for (const key of keys.split(', ')) expect(document).toContain(key);
      expect(document).toContain(effect);
    }
  });

  test.each([
    ['/help', true],
    ['/set topK 3', true],
    ['/?', true],
    ['/', true],
    ['/usr/bin', false],
    ['/etc is a folder', true],
    [' /help', false],
    ['//', false],
  ])('%s: a command? %s', (line, expected) => {
    expect(isChatCommand(line)).toBe(expected);
  });
});

describe('completion', () => {
  const sources = {
    commands: chatCommands,
    models: () => Promise.resolve(['gemma3:1b', 'gemma3:270m', 'smollm2:135m']),
    chats: () => Promise.resolve(['talk', 'tea']),
  };
  const candidates = async (before: string) => (await completeLine(before, sources)).candidates;

  test('of names, aliases when nothing else fits', async () => {
    expect(await candidates('/sa')).toEqual(['/save']);
    expect(await candidates('/s')).toEqual(['/save', '/set', '/show', '/sources', '/stats', '/system']);
    expect(await candidates('/qui')).toEqual(['/quit']);
    expect(await candidates('s')).toEqual([]);
    expect(await candidates('/sa\n')).toEqual([]);
  });

  test('of what a command takes', async () => {
    expect(await candidates('/model gemma')).toEqual(['gemma3:1b', 'gemma3:270m']);
    expect(await completeLine('/model  sm', sources)).toEqual({ start: 8, candidates: ['smollm2:135m'] });
    expect(await candidates('/load t')).toEqual(['talk', 'tea']);
    expect(await candidates('/set top')).toEqual(['topK', 'topP']);
    expect(await candidates('/help mo')).toEqual(['model']);
    expect(await candidates('/bye x')).toEqual([]);
    expect(await candidates('/set topK 3')).toEqual([]);
  });
});

describe('settings', () => {
  /** By key: what it is when nobody says anything, its bounds, and the step that leaves them. */
  const expected: Readonly<
    Record<string, readonly [builtIn: string, least?: number, most?: number | undefined, step?: number]>
  > = {
    temperature: ['0.7', 0, 2, 0.01],
    topK: ['40', 0, undefined, 1],
    topP: ['0.95', 0, 1, 0.01],
    minP: ['0.05', 0, 1, 0.01],
    repeatPenalty: ['1', 1, 2, 0.01],
    repeatLastTokens: ['64', 0, 8192, 1],
    frequencyPenalty: ['0', -2, 2, 0.01],
    presencePenalty: ['0', -2, 2, 0.01],
    dryMultiplier: ['0', 0, 5, 0.01],
    dryBase: ['1.75', 1, 4, 0.01],
    dryAllowedLength: ['2', 1, 64, 1],
    xtcProbability: ['0', 0, 1, 0.01],
    xtcThreshold: ['0.1', 0, 1, 0.01],
    logitBias: ['none', -100, 100, 0.01],
    seed: ['a new one for each answer', 0, 2 ** 32 - 1, 1],
    stop: ['none'],
    maxTokens: ['2048', 1, undefined, 1],
    contextTokens: ["the model's own, at most 8192", 16, undefined, 1],
    reproducible: ['false'],
  };

  test('have a row for every key of -o, with what they are by default', () => {
    expect(Object.keys(expected)).toEqual(Object.keys(answerOptionKeys));
    expect(Object.entries(settings).map(([key, { builtIn }]) => [key, builtIn])).toEqual(
      Object.entries(expected).map(([key, [builtIn]]) => [key, builtIn]),
    );
  });

  test('are by default what the model process gets when nobody says anything', () =>
    tryMain({}, async (trial) => {
      await trial.run(['chat'], { script: hello, input: lines('one') });
      const sent = generateParams(trial)[0] as { readonly sampling: Readonly<Record<string, unknown>> };
      const sampling = Object.entries(sent.sampling).filter(([key]) => key !== 'seed' && key !== 'logitBias');
      expect(sampling.length).toBeGreaterThan(10);
      for (const [key, value] of sampling) expect(settings[key]?.builtIn, key).toBe(String(value));
      expect(settings['maxTokens']?.builtIn).toBe(String((sent as { maxTokens?: number }).maxTokens));
    }));

  test.each(Object.entries(expected).filter(([, row]) => row.length > 1))(
    '%s takes its bounds, and refuses what is beyond them',
    (key, [, least, most, step = 1]) => {
      const put = (value: number) => applySetting({}, key, key === 'logitBias' ? `5:${value}` : String(value));
      for (const bound of [least, most]) if (bound !== undefined) expect(() => put(bound)).not.toThrow();
      const beyond = [...(least === undefined ? [] : [least - step]), ...(most === undefined ? [] : [most + step])];
      for (const value of beyond) expect(() => put(value), String(value)).toThrow(`Expected ${key} to be `);
      if (step === 1) expect(() => put((least ?? 0) + 0.5)).toThrow('a whole number');
    },
  );

  test.each([
    ['top_k', 'topK'],
    ['TOPK', 'topK'],
    ['num_ctx', 'contextTokens'],
    ['num_predict', 'maxTokens'],
    ['temp', 'temperature'],
    ['repeat-penalty', 'repeatPenalty'],
    ['nonsense', 'nonsense'],
  ])('%s means %s', (name, key) => {
    expect(settingKey(name)).toBe(key);
  });

  test('are put over the others and taken back', () => {
    let options = applySetting({ maxTokens: 9, sampling: { topP: 1 } }, 'topK', '3');
    options = applySetting(options, 'reproducible', 'true');
    options = applySetting(applySetting(options, 'stop', 'a'), 'stop', String.raw`b\n`);
    expect(options).toEqual({ maxTokens: 9, sampling: { topP: 1, topK: 3 }, reproducible: true, stop: ['a', 'b\n'] });
    expect(settingValue(options, 'stop')).toBe(String.raw`["a","b\n"]`);
    expect(resetSetting(resetSetting(options, 'stop'), 'topP')).toEqual({
      maxTokens: 9,
      sampling: { topK: 3 },
      reproducible: true,
    });
    expect(settingValue({}, 'topK')).toBeUndefined();
  });
});

describe('/copy code', () => {
  /** What it copies of an answer. */
  async function copied(content: string): Promise<string | undefined> {
    let text: string | undefined;
    const messages = [{ role: 'user', content: 'one' } as const, { role: 'assistant', content } as const];
    const world = {
      session: { messages },
      copy: (put: string) => (text = put),
      say: () => undefined,
    } as unknown as ChatWorld;
    await runChatCommand(world, '/copy code');
    return text;
  }

  test('takes the last code block, whatever its fence', async () => {
    expect(await copied('a\n```js\none\n```\nb\n~~~\ntwo\nthree\n~~~\n')).toBe('two\nthree');
    expect(await copied('````\n```\nx\n```\n````')).toBe('```\nx\n```');
    expect(await copied('```\nopen\nend')).toBe('open\nend');
    expect(await copied('none')).toBeUndefined();
  });

  test('takes what --extract-last does: a closing fence may be longer, an indent is taken off, a sentence is no fence', async () => {
    expect(await copied('```\none\n`````\nafter')).toBe('one');
    expect(await copied('- in a list:\n\n  ```py\n  if x:\n    y\n  ```\n')).toBe('if x:\n  y');
    expect(await copied('```\none\n```\nSay ```x``` so:\n```code``` ends it')).toBe('one');
    expect(await copied('```\r\none\r\ntwo\r\n```\r\n')).toBe('one\ntwo');
  });
});

test('the status leaves out what is not known', () => {
  const start = {
    type: 'answer-start',
    model: { name: 'tiny', path: '/x' },
    mode: 'chat',
    engine: { requested: 'optimized', active: 'optimized', runtime: 'llama.cpp' },
  } as const;
  const timings = { queueMs: 0, loadMs: 0, promptMs: 1, ttftMs: 2, tpotMs: 25, totalMs: 100 };
  const usage = { promptTokens: 100, cachedTokens: 80, evaluatedTokens: 20, outputTokens: 28 };
  const end = { type: 'generation-end', reason: 'stop', usage, timings } as const;
  expect(renderStatus(start, end, 512)).toBe('tiny · context 128 of 512 (25 %) · 80 % cached · 40.0 tokens/s');
  const unknown = { promptTokens: null, cachedTokens: null, evaluatedTokens: null, outputTokens: null };
  expect(
    renderStatus(start, { ...end, usage: unknown, reason: 'aborted', timings: { ...timings, tpotMs: null } }, null),
  ).toBe('tiny · stopped');
});
